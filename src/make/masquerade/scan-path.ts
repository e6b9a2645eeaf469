/**
 * Scan of PATH for the contents of a masquerade: the compilers and their paths, and the programs that belong next to
 * them. Unaware of masquerades on disk.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isShim } from '../../util/shim-mark.ts';
import { compilerPrefix, isMasqueraded, isSibling } from './program-names.ts';
import { isExecutableFile } from './search-path.ts';

/** The maximum number of links; Debian's toolchains for all architectures have about a thousand tools. */
const MAX_SIBLINGS = 2_000;

/** The programs that a masquerade covers. */
export interface ProgramsOnPath {
  /** Names that get a shim, with the path of the first such program on PATH; sorted. */
  readonly compilers: ReadonlyMap<string, string>;
  /** Names that get a link to the program itself. */
  readonly siblings: ReadonlyMap<string, string>;
}

/** @param entries - the entries of PATH, in order. */
export function scanPath(entries: readonly string[]): ProgramsOnPath {
  const directories = entries.map((path) => ({ path, names: path.startsWith('/') ? namesIn(path) : undefined }));
  const compilers = new Map<string, string>();
  for (const { path, names = [] } of directories) {
    for (const name of names) {
      if (!isMasqueraded(name) || compilers.has(name)) continue;
      const program = join(path, name);
      // A shim that the user installed is not a compiler; the real one comes later on PATH.
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
    // After a relative entry, which program comes first depends on the current directory of the caller.
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
    // The directory is missing, or closed to this user, who cannot run anything from it either.
    return [];
  }
}

function sorted(programs: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...programs].sort(([one], [other]) => (one < other ? -1 : 1)));
}
