/**
 * Check whether a makefile itself sets how many jobs make runs at once (`MAKEFLAGS += -j4`). GNU make obeys that if its
 * arguments have no -j, but warns if it was given a jobserver, as it is by pmake.
 *
 * Makefiles are read as text: simple variables are expanded, functions and conditionals are not. In doubt, an
 * assignment with a -j in it counts as setting the number. Unaware of what the caller does about it.
 */
import { resolve } from 'node:path';
import { DELETED_DIRECTORY } from '../../util/current-directory.ts';
import { readHead, readMakefiles } from '../invocation/makefiles.ts';
import { scanMakeOptions, wordsOfMakeflags } from '../invocation/make-options.ts';

/** Includes count as well; the build should not wait for more. */
const MAX_FILES = 30;
/** The depth to which variables in variables are expanded; a deeper nesting may be a cycle. */
const MAX_DEPTH = 5;
/** The limit on expanded values in all lines together: each of a few variables may name the next a thousand times. */
const MAX_EXPANDED_CHARACTERS = 4 * 1024 * 1024;

const ASSIGNMENT = /^ *(?:(?:export|override|private)\s+)*([\w.-]+)\s*(:{1,3}|\?|\+)?=\s*(.*)$/s;
const INCLUDE = /^ *[-s]?include\s+(.*)$/s;
const EVALUATED = /\$[({]eval\s+(?:override\s+)?((?:GNU)?MAKEFLAGS\s*[:?+]*=[^)}]*)/g;
const FLAGS: ReadonlySet<string> = new Set(['MAKEFLAGS', 'GNUMAKEFLAGS']);

/**
 * Whether a makefile that make will read sets the number of jobs.
 * @param cwd - undefined when the directory was deleted.
 */
export function doesMakefileSetJobs(argv: readonly string[], env: NodeJS.ProcessEnv, cwd: string | undefined): boolean {
  const { directory, texts } = readMakefiles(argv, cwd ?? DELETED_DIRECTORY);
  const reader = new MakefileReader(directory, argv, env);
  const before = (env.MAKEFILES ?? '').split(/\s+/).filter((name) => name !== '');
  const evaluated = scanMakeOptions(argv).flatMap(({ name, argument }) => (name === 'E' ? [argument ?? ''] : []));
  return reader.includes(before) || [...evaluated, ...texts].some((text) => reader.read(text));
}

class MakefileReader {
  readonly #directory: string;
  readonly #searched: readonly string[];
  readonly #variables: Map<string, string>;
  readonly #fixed: ReadonlySet<string>;
  #files = 0;
  #room = MAX_EXPANDED_CHARACTERS;

  constructor(directory: string, argv: readonly string[], env: NodeJS.ProcessEnv) {
    this.#directory = directory;
    this.#searched = scanMakeOptions(argv).flatMap(({ name, argument }) => (name === 'I' ? [argument ?? ''] : []));
    const given = argv.flatMap((word) => {
      const [, name, , value] = ASSIGNMENT.exec(word) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    });
    this.#fixed = new Set(given.map(([name]) => name));
    this.#variables = new Map([
      ...Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
      ['CURDIR', directory],
      ['MAKEFLAGS', ''],
      ...given,
    ]);
  }

  /** Whether this makefile, or one that it includes, sets the number of jobs. */
  read(text: string): boolean {
    const lines = text.replaceAll(/\\\n/g, ' ').split('\n');
    return lines.some((line) => !line.startsWith('\t') && !/^ *#/.test(line) && this.#readLine(line));
  }

  /** The same for files with these names, looked up as `include` does. */
  includes(names: readonly string[]): boolean {
    return names.some((name) => {
      if (this.#files === MAX_FILES) return false;
      this.#files += 1;
      const places = ['.', ...this.#searched].map((place) => resolve(this.#directory, place, name));
      const text = places.map((path) => readHead(path)).find((found) => found !== undefined);
      return text !== undefined && this.read(text);
    });
  }

  #readLine(line: string, depth = 0): boolean {
    if (depth === MAX_DEPTH) return false;
    for (const [, evaluated = ''] of line.matchAll(EVALUATED)) if (this.#readLine(evaluated, depth + 1)) return true;
    const [, included] = INCLUDE.exec(line) ?? [];
    if (included !== undefined) {
      return this.includes(
        withoutComment(this.#expand(included))
          .split(/\s+/)
          .filter((name) => name !== ''),
      );
    }
    const [, name = '', operator, value = ''] = ASSIGNMENT.exec(line) ?? [];
    if (FLAGS.has(name)) return hasJobs(this.#expand(withoutComment(value)));
    if (name !== '') this.#assign(name, operator, withoutComment(value));
    return false;
  }

  #assign(name: string, operator: string | undefined, value: string): void {
    const known = this.#variables.get(name);
    if (this.#fixed.has(name) || (operator === '?' && known !== undefined)) return;
    this.#variables.set(name, operator === '+' && known !== undefined ? `${known} ${value}` : value);
  }

  /** References to unknown variables stay as they are. */
  #expand(text: string, depth = 0): string {
    if (depth === MAX_DEPTH) return text;
    return text.replaceAll(/\$[({]([\w.-]+)[)}]/g, (whole, name: string) => {
      const value = this.#variables.get(name);
      if (value === undefined || value.length > this.#room) return whole;
      this.#room -= value.length;
      return this.#expand(value, depth + 1);
    });
  }
}

function withoutComment(text: string): string {
  return text.replace(/(?<!\\)#.*$/s, '').trim();
}

function hasJobs(flags: string): boolean {
  return scanMakeOptions(wordsOfMakeflags(flags)).some(({ name }) => name === 'j');
}
