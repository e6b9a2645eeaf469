/** Which mount a path lies on, as this process sees mounts (proc(5), mountinfo). Unaware of what the path is for. */
import { readFileSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import type { MountFacts } from '../protocol/inspection.ts';

export interface Mount extends MountFacts {
  /** Tells mounts of this process apart, also of the same file system. */
  readonly id: number;
}

/** Undefined when there is no such path, or its mount is not listed: that of a chroot's root which is no mount point. */
export async function mountOf(path: string): Promise<Mount | undefined> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) return undefined;
  return findMount(parseMountInfo(readMountInfo()), real);
}

/** Empty where there is no /proc. */
function readMountInfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

/** A line: id, parent, device, root, mount point, options, optional fields, `-`, type, source, the super block's options. */
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

/** The mount that shows at `path`, which is absolute and without symbolic links. */
export function findMount(mounts: readonly Mount[], path: string): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    const isAbove = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`);
    // Of mounts on one point the last covers the others.
    if (isAbove && mount.point.length >= (found?.point.length ?? 0)) found = mount;
  }
  return found;
}

/** The kernel writes blanks and the like as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
