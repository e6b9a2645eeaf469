/**
 * Files and directories of a compile that lie where each machine has its own (/tmp, /run, /dev): a node would find others
 * there, or none and say nothing. Pure; unaware of what is there.
 */
import { isNodeLocal } from './paths.ts';
import type { Reads } from './plan.ts';

/** The first name of something that the compile reads, and that a node has another of; undefined where there is none. */
export function nodeLocalName(
  { directories, files, programPrefixes, roots }: Pick<Reads, 'directories' | 'files' | 'programPrefixes' | 'roots'>,
  cwd: string,
): string | undefined {
  const isLocal = (path: string): boolean => isNodeLocal(path, cwd);
  return [directories, files, programPrefixes, roots].map((names) => names.find(isLocal)).find(Boolean);
}
