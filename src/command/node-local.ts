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
]);

/** What the compiler reads by, although the words mean nothing to us otherwise. */
const READ_BY: ReadonlySet<string> = new Set(
  [
    '-B --prefix --prefix= -isysroot --sysroot --sysroot= -gcc-toolchain --gcc-toolchain= -resource-dir',
    '-iprefix -iwithprefix -iwithprefixbefore --include-prefix -iframework -F',
    '-cxx-isystem -c-isystem -isystem-after -stdlib++-isystem',
    '-specs= --specs= --specs --config --config=',
  ].flatMap((names) => names.split(' ')),
);
/** Of `-fprofile-` and the like: others of them say where the program will write. */
const PROFILE_USED = /^-f(?:cs-)?profile-(?:instr-|sample-)?use=(.+)$/;

/** Does a word name something that the compiler reads, and that a node has another of? */
export function readsNodeLocal({ items }: DriverLine, cwd: string): boolean {
  return items.some((item) => {
    const path = readPath(item);
    return path !== undefined && isNodeLocal(absolutePath(cwd, path), cwd);
  });
}

function readPath({ role, spelled, argument }: Item): string | undefined {
  if (READ_ROLES.has(role) || READ_BY.has(spelled)) return argument;
  return PROFILE_USED.exec(spelled + argument)?.[1];
}
