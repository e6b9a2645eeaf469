/**
 * Finds the mount that a path is on, as this process sees mounts (proc(5), mountinfo). Unaware of the path's purpose.
 */
import { readFileSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import type { MountFacts } from '../protocol/inspection.ts';

/** One mount. */
export interface Mount extends MountFacts {
  /** Unique among this process's mounts, even for the same file system. */
  readonly id: number;
}

/**
 * Undefined if the path does not exist or its mount is not listed, such as that of a chroot's root that is not a mount
 * point.
 */
export async function mountOf(path: string): Promise<Mount | undefined> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) return undefined;
  return findMount(parseMountInfo(readMountInfo()), real);
}

/** Empty without /proc. */
function readMountInfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

/**
 * Line format: id, parent, device, root, mount point, options, optional fields, `-`, type, source, super block options.
 */
export function parseMountInfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    const dash = fields.indexOf('-');
    const [id, , , , point, options] = fields;
    const [type, source, superOptions] = fields.slice(dash + 1);
    if (dash < 0 || point === undefined || type === undefined || source === undefined) continue;
    const words = new Set([...(options ?? '').split(','), ...(superOptions ?? '').split(',')].filter(Boolean));
    mounts.push({
      id: Number(id),
      point: unescape(point),
      type,
      source: unescape(source),
      options: [...words].join(','),
    });
  }
  return mounts;
}

/** The visible mount at `path`, which is absolute and without symbolic links. */
export function findMount(mounts: readonly Mount[], path: string): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    const isAbove = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`);
    // Of several mounts on one point the last covers the others.
    if (isAbove && mount.point.length >= (found?.point.length ?? 0)) found = mount;
  }
  return found;
}

/** The kernel writes blanks and similar characters as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
