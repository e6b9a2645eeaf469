/**
 * Files and directories of a compile that lie where each machine has its own (/tmp, /run, /dev): a node would find others
 * there, or none and say nothing. Pure; unaware of what is there.
 */
import type { DriverLine, Item } from './driver-line.ts';
import { absolutePath, isNodeLocal } from './paths.ts';

const READ_ROLES: ReadonlySet<Item['role']> = new Set<Item['role']>([
  'directory',
  'system-directory',
  'forced-include',
  'read',
  'read-below',
]);

/** Does a word name something that the compiler reads, and that a node has another of? */
export function readsNodeLocal({ items }: DriverLine, cwd: string): boolean {
  return items.some(({ role, argument }) => READ_ROLES.has(role) && isNodeLocal(absolutePath(cwd, argument), cwd));
}
