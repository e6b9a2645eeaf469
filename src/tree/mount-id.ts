/**
 * By which number the kernel tells the mount that a path lies on (`mnt_id` of /proc/PID/fdinfo, proc(5)). It knows the
 * mounts that mountinfo does not list, too: the one under a chroot's root that is no mount point. Unaware of what the
 * mount is.
 */
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';

/** Linux's O_PATH, which Node has no name for: a place in the file system, not its content. */
const O_PATH = 0o10000000;
const MOUNT_ID = /^mnt_id:\s*(\d+)$/m;

/** Where an existing path lies: on which mount, of which file system. */
export interface MountPlace {
  /** Undefined where /proc does not say it. */
  readonly id: number | undefined;
  /** `st_dev`. Bind mounts of one file system share it. */
  readonly device: number;
}

/** Links are followed. Undefined when there is no such path. */
export async function mountPlace(path: string): Promise<MountPlace | undefined> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats) return undefined;
  return { id: await readMountId(path), device: stats.dev };
}

/** The same at once, for what is decided in the dispatcher's own turn. */
export function mountPlaceNow(path: string): MountPlace | undefined {
  try {
    return { id: readMountIdNow(path), device: statSync(path).dev };
  } catch {
    return undefined;
  }
}

/**
 * What holds for one of them holds for the other. Two mounts that the kernel does not name are told apart by their file
 * systems: not to know a mount is no evidence of a difference. Pure.
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
