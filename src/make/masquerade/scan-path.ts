/**
 * What a masquerade is made of: the compilers that PATH has, with where it has them, and the programs that belong beside
 * them. Unaware of what is made of it.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isShim } from '../../util/shim-mark.ts';
import { compilerPrefix, isMasqueraded, isSibling } from './program-names.ts';
import { isExecutableFile } from './search-path.ts';

/** Links for so many at most; Debian's toolchains for all architectures have some thousand tools. */
const MAX_SIBLINGS = 2_000;

export interface ProgramsOnPath {
  /** Names that get a shim, with the path of the program that PATH has first; sorted. */
  readonly compilers: ReadonlyMap<string, string>;
  /** Names that get a link to the program itself. */
  readonly siblings: ReadonlyMap<string, string>;
}

/** @param entries PATH's, in its order */
export function scanPath(entries: readonly string[]): ProgramsOnPath {
  const directories = entries.map((path) => ({ path, names: path.startsWith('/') ? namesIn(path) : undefined }));
  const compilers = new Map<string, string>();
  for (const { path, names = [] } of directories) {
    for (const name of names) {
      if (!isMasqueraded(name) || compilers.has(name)) continue;
      const program = join(path, name);
      // A shim of the user's own is no compiler; the real one is behind it.
      if (isExecutableFile(program) && !isShim(program)) compilers.set(name, program);
    }
  }
  return { compilers: sorted(compilers), siblings: sorted(findSiblings(directories, compilers)) };
}

function findSiblings(
  directories: readonly { readonly path: string; readonly names: readonly string[] | undefined }[],
  compilers: ReadonlyMap<string, string>,
): Map<string, string> {
  const prefixes = new Set([...compilers.keys()].map((name) => compilerPrefix(name) ?? ''));
  const siblings = new Map<string, string>();
  for (const { path, names } of directories) {
    // Behind a relative entry nothing is certain to be PATH's first: that depends on where it is asked.
    if (names === undefined) break;
    for (const name of names) {
      if (siblings.size === MAX_SIBLINGS) return siblings;
      if (compilers.has(name) || siblings.has(name) || !isSibling(name, prefixes)) continue;
      const program = join(path, name);
      if (isExecutableFile(program)) siblings.set(name, program);
    }
  }
  return siblings;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    // Missing, or closed to us: nothing can be run from there either.
    return [];
  }
}

function sorted(programs: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...programs].sort(([one], [other]) => (one < other ? -1 : 1)));
}
