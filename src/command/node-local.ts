/**
 * Finds files and directories of a compile in places that each machine has for itself (/tmp, /run, /dev): a node would
 * silently find different files, or none. Pure; unaware of what exists.
 */
import { isNodeLocal } from './paths.ts';
import type { Reads } from './plan.ts';

/** The first name that the compile reads and that refers to something else on a node; undefined if none exists. */
export function nodeLocalName(
  { directories, files, programPrefixes, roots }: Pick<Reads, 'directories' | 'files' | 'programPrefixes' | 'roots'>,
  cwd: string,
): string | undefined {
  const isLocal = (path: string): boolean => isNodeLocal(path, cwd);
  return [directories, files, programPrefixes, roots].map((names) => names.find(isLocal)).find(Boolean);
}
