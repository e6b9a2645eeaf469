/** Reader for the makefiles that make will read first, as its arguments name them. Unaware of their syntax. */
import { resolve } from 'node:path';
import { readHead as readHeadBytes } from '../../tree/regular-file.ts';
import { scanMakeOptions } from './make-options.ts';

/** What matters is near the beginning of a file, and the build should not wait for more. */
const MAX_READ_BYTES = 512 * 1024;
const USUAL_NAMES: readonly string[] = ['GNUmakefile', 'makefile', 'Makefile'];

/** The makefiles of one call of make. */
export interface Makefiles {
  /** The directory that make will work in. */
  readonly directory: string;
  /** The contents of those that exist and can be read twice, which excludes the standard input. */
  readonly texts: readonly string[];
}

/** Reads the files that -f names, else the first default makefile, in the directory that -C names. */
export function readMakefiles(argv: readonly string[], cwd: string): Makefiles {
  const options = scanMakeOptions(argv);
  const argumentsOf = (letter: string): string[] =>
    options.flatMap(({ name, argument }) => (name === letter && argument !== undefined ? [argument] : []));
  const directory = argumentsOf('C').reduce((path, next) => resolve(path, next), cwd);
  const named = argumentsOf('f');
  const read = (names: readonly string[]): string[] =>
    names.map((name) => readHead(resolve(directory, name))).filter((text) => text !== undefined);
  return { directory, texts: named.length > 0 ? read(named) : read(USUAL_NAMES).slice(0, 1) };
}

/** The beginning of a file, one character per byte. Undefined where there is no such file. */
export function readHead(path: string): string | undefined {
  return readHeadBytes(path, MAX_READ_BYTES)?.toString('latin1');
}
