/**
 * Expands `@file` arguments: splits files into words like libiberty's buildargv, recursively. Unaware of what the words
 * mean.
 */
import type { Look } from './plan.ts';
import { absolutePath } from './paths.ts';

/** GCC's own limit is 2,000; a file that includes itself is stopped here first. */
export const MAX_RESPONSE_FILES = 200;
/** A longer expanded line may exceed the limit of execve(2) (2 MiB, including the environment). */
const MAX_EXPANDED_CHARACTERS = 1_000_000;
/** Limit for all files together, quotes and white space included; words within the limit above do not need more. */
const MAX_READ_CHARACTERS = 4 * MAX_EXPANDED_CHARACTERS;
/** White space for both gcc and clang; what only one of them treats as such is UNCLEAR. */
const WHITE_SPACE = /[ \t\n\r]/;
/** In gcc a NUL ends the file, and \v and \f separate words; clang skips a byte order mark. */
const UNCLEAR = /^\ufeff|[\0\v\f]/;

/** The expanded words. */
export interface ExpandedWords {
  readonly kind: 'expanded';
  readonly words: readonly string[];
  /** The files read, absolute. */
  readonly files: readonly string[];
}

/** A file is unreadable, or the result is too long. */
export interface UnreadableWords {
  readonly kind: 'unreadable';
  /** The file, absolute. */
  readonly path: string;
}

/** The words, with every `@file` replaced by its contents. */
export function expandResponseFiles(argv: readonly string[], cwd: string, look: Look): ExpandedWords | UnreadableWords {
  if (!argv.some((word) => word.startsWith('@'))) return { kind: 'expanded', words: argv, files: [] };
  const words: string[] = [];
  const files: string[] = [];
  let [characters, read] = [0, 0];
  const pending = [...argv].reverse();
  for (let word = pending.pop(); word !== undefined; word = pending.pop()) {
    if (!word.startsWith('@')) {
      words.push(word);
      characters += word.length + 1;
      if (characters > MAX_EXPANDED_CHARACTERS) return { kind: 'unreadable', path: files.at(-1) ?? '' };
      continue;
    }
    const path = absolutePath(cwd, word.slice(1));
    const text = files.length < MAX_RESPONSE_FILES ? look.readText(path) : undefined;
    read += text?.length ?? 0;
    const inner = text === undefined || read > MAX_READ_CHARACTERS ? undefined : splitWords(text);
    if (!inner) return { kind: 'unreadable', path };
    files.push(path);
    for (const one of inner.reverse()) pending.push(one);
  }
  return { kind: 'expanded', words, files };
}

/** Undefined if gcc and clang split differently (UNCLEAR, or a backslash in single quotes), or if a quote is open. */
export function splitWords(text: string): string[] | undefined {
  if (UNCLEAR.test(text)) return undefined;
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === '\\') {
      if (quote === "'") return undefined;
      index += 1;
      word = (word ?? '') + text.charAt(index);
    } else if (quote !== '') {
      if (character === quote) quote = '';
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (WHITE_SPACE.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (quote !== '') return undefined;
  if (word !== undefined) words.push(word);
  return words;
}
