/**
 * The kernel's id of the mount that a path is on (`mnt_id` of /proc/PID/fdinfo, proc(5)). It also covers mounts that
 * mountinfo does not list, such as the one under a chroot's root that is not a mount point. Unaware of what the mount
 * is.
 */
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';

/** Linux's O_PATH, which Node does not define: opens a location rather than its contents. */
const O_PATH = 0o10000000;
const MOUNT_ID = /^mnt_id:\s*(\d+)$/m;

/** The mount and file system of an existing path. */
export interface MountPlace {
  /** Undefined if /proc does not provide it. */
  readonly id: number | undefined;
  /** `st_dev`. Bind mounts of one file system share it. */
  readonly device: number;
}

/** Follows links. Undefined if the path does not exist. */
export async function mountPlace(path: string): Promise<MountPlace | undefined> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats) return undefined;
  return { id: await readMountId(path), device: stats.dev };
}

/** The same, blocking, for decisions in the dispatcher's current turn. */
export function mountPlaceNow(path: string): MountPlace | undefined {
  try {
    return { id: readMountIdNow(path), device: statSync(path).dev };
  } catch {
    return undefined;
  }
}

/**
 * True if what holds for one place holds for the other. If the kernel does not give their ids, only the file systems
 * are compared, because an unknown mount is no evidence of a difference. Pure.
 */
export function isSameMount(one: MountPlace, other: MountPlace): boolean {
  return one.id === other.id && one.device === other.device;
}

async function readMountId(path: string): Promise<number | undefined> {
  try {
    const file = await open(path, O_PATH);
    try {
      return parseMountId(await readFile(`/proc/self/fdinfo/${file.fd}`, 'latin1'));
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

function readMountIdNow(path: string): number | undefined {
  try {
    const fd = openSync(path, O_PATH);
    try {
      return parseMountId(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

function parseMountId(fdinfo: string): number | undefined {
  const digits = MOUNT_ID.exec(fdinfo)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
