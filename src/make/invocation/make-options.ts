/**
 * Parser for GNU make's command line, as make itself reads it (main.c of 4.3 and 4.4, getopt_long with "return in
 * order"): which words are options and which are options' arguments. Pure, and unaware of what any option does.
 */

/**
 * `optional`: attached to the option, or absent. For -j and -l, make also takes a number that stands alone, but a
 * number is not an option, so this parser may treat it as a target.
 */
type MakeArgument = 'nothing' | 'word' | 'optional';

interface MakeOption {
  /** The letter, or the first long name of an option without a letter. */
  readonly name: string;
  readonly long: readonly string[];
  readonly takes: MakeArgument;
}

const OPTIONS: readonly MakeOption[] = [
  { name: 'b', long: [], takes: 'nothing' },
  { name: 'B', long: ['always-make'], takes: 'nothing' },
  { name: 'C', long: ['directory'], takes: 'word' },
  { name: 'd', long: [], takes: 'nothing' },
  { name: 'debug', long: ['debug'], takes: 'optional' },
  { name: 'e', long: ['environment-overrides'], takes: 'nothing' },
  { name: 'E', long: ['eval'], takes: 'word' },
  { name: 'f', long: ['file', 'makefile'], takes: 'word' },
  { name: 'h', long: ['help'], takes: 'nothing' },
  { name: 'i', long: ['ignore-errors'], takes: 'nothing' },
  { name: 'I', long: ['include-dir'], takes: 'word' },
  { name: 'j', long: ['jobs'], takes: 'optional' },
  { name: 'jobserver-auth', long: ['jobserver-auth'], takes: 'word' },
  { name: 'jobserver-fds', long: ['jobserver-fds'], takes: 'word' },
  { name: 'jobserver-style', long: ['jobserver-style'], takes: 'word' },
  { name: 'k', long: ['keep-going'], takes: 'nothing' },
  { name: 'l', long: ['load-average', 'max-load'], takes: 'optional' },
  { name: 'L', long: ['check-symlink-times'], takes: 'nothing' },
  { name: 'm', long: [], takes: 'nothing' },
  { name: 'n', long: ['just-print', 'dry-run', 'recon'], takes: 'nothing' },
  { name: 'o', long: ['old-file', 'assume-old'], takes: 'word' },
  { name: 'O', long: ['output-sync'], takes: 'optional' },
  { name: 'p', long: ['print-data-base'], takes: 'nothing' },
  { name: 'q', long: ['question'], takes: 'nothing' },
  { name: 'r', long: ['no-builtin-rules'], takes: 'nothing' },
  { name: 'R', long: ['no-builtin-variables'], takes: 'nothing' },
  { name: 's', long: ['silent', 'quiet'], takes: 'nothing' },
  { name: 'no-silent', long: ['no-silent'], takes: 'nothing' },
  { name: 'S', long: ['no-keep-going', 'stop'], takes: 'nothing' },
  { name: 'shuffle', long: ['shuffle'], takes: 'optional' },
  { name: 'sync-mutex', long: ['sync-mutex'], takes: 'word' },
  { name: 't', long: ['touch'], takes: 'nothing' },
  { name: 'trace', long: ['trace'], takes: 'nothing' },
  { name: 'v', long: ['version'], takes: 'nothing' },
  { name: 'w', long: ['print-directory'], takes: 'nothing' },
  { name: 'no-print-directory', long: ['no-print-directory'], takes: 'nothing' },
  { name: 'W', long: ['what-if', 'new-file', 'assume-new'], takes: 'word' },
  { name: 'warn-undefined-variables', long: ['warn-undefined-variables'], takes: 'nothing' },
];

const BY_NAME = new Map(OPTIONS.map((option) => [option.name, option]));
const LONG_NAMES = OPTIONS.flatMap((option) => option.long.map((long) => ({ long, option })));

/** One occurrence of an option. `index` is that of the word that holds it. */
export interface MetOption {
  readonly index: number;
  /** MakeOption.name, or the word itself when make has no such option. */
  readonly name: string;
  readonly argument: string | undefined;
}

/** The options among `words`, in order. Targets, assignments and everything after `--` are skipped. */
export function scanMakeOptions(argv: readonly string[]): MetOption[] {
  const met: MetOption[] = [];
  let next = 0;
  while (next < argv.length) {
    const index = next;
    const word = argv[index] ?? '';
    next += 1;
    if (word === '--') break;
    if (word.startsWith('--')) next = scanLong(argv, index, met);
    else if (word.startsWith('-') && word.length > 1) next = scanLetters(argv, index, met);
  }
  return met;
}

/** `-kj8`, `-C dir`, `-j 8`. Returns the index of the first word not used. */
function scanLetters(argv: readonly string[], index: number, met: MetOption[]): number {
  const word = argv[index] ?? '';
  for (let at = 1; at < word.length; at += 1) {
    const letter = word[at] ?? '';
    const option = BY_NAME.get(letter);
    if (option === undefined || option.takes === 'nothing') {
      met.push({ index, name: letter, argument: undefined });
      continue;
    }
    const attached = word.slice(at + 1);
    if (attached !== '') {
      met.push({ index, name: option.name, argument: attached });
      return index + 1;
    }
    return takeNextWord(argv, index, option, met);
  }
  return index + 1;
}

/** `--jobs=8`, `--jobs 8`, `--dir=x` (getopt accepts an unambiguous prefix). */
function scanLong(argv: readonly string[], index: number, met: MetOption[]): number {
  const word = (argv[index] ?? '').slice(2);
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  const option = longOption(name);
  if (option === undefined) {
    met.push({ index, name: `--${name}`, argument: undefined });
    return index + 1;
  }
  if (equals >= 0 || option.takes === 'nothing') {
    met.push({ index, name: option.name, argument: equals < 0 ? undefined : word.slice(equals + 1) });
    return index + 1;
  }
  return takeNextWord(argv, index, option, met);
}

function longOption(name: string): MakeOption | undefined {
  const exact = LONG_NAMES.find(({ long }) => long === name);
  if (exact) return exact.option;
  const begun = new Set(LONG_NAMES.filter(({ long }) => long.startsWith(name)).map(({ option }) => option));
  const [only] = begun;
  return begun.size === 1 ? only : undefined;
}

function takeNextWord(argv: readonly string[], index: number, option: MakeOption, met: MetOption[]): number {
  const next = argv[index + 1];
  const isTaken = option.takes === 'word' && next !== undefined;
  met.push({ index, name: option.name, argument: isTaken ? next : undefined });
  return index + (isTaken ? 2 : 1);
}

/**
 * Splits MAKEFLAGS or GNUMAKEFLAGS as make does: at blanks, unless a backslash escapes them. The first word gets the
 * dash that make leaves out (`kj8 --jobserver-auth=3,4`).
 */
export function wordsOfMakeflags(value: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < value.length; at += 1) {
    const char = value[at] ?? '';
    if (char === ' ' || char === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === '\\' && at + 1 < value.length) {
      at += 1;
      word = (word ?? '') + (value[at] ?? '');
    } else {
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  const [first] = words;
  if (first !== undefined && !first.startsWith('-') && !first.includes('=')) words[0] = `-${first}`;
  return words;
}
