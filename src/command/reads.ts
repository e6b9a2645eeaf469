/**
 * What a compile reads, other than includes by full name: the search directories from any source, the files it names,
 * the directories where its driver looks for programs, and settings that make the compiler look for its own headers
 * elsewhere. Derived from arguments and environment alone; too many names are better than too few. Pure; unaware of
 * what exists.
 */
import { dirname } from 'node:path';
import type { DriverLine, Item } from './driver-line.ts';
import { OPTION_ROWS, type OptionRow } from './options.ts';
import { absolutePath } from './paths.ts';
import type { Reads } from './plan.ts';
import { spellItem } from './rewrite.ts';
import { NOTHING } from './option-probe.ts';

/** Colon-separated; an empty element means cwd (cpp(1), clang(1)). */
const SEARCH_VARIABLES = [
  'CPATH',
  'C_INCLUDE_PATH',
  'CPLUS_INCLUDE_PATH',
  'OBJC_INCLUDE_PATH',
  'OBJCPLUS_INCLUDE_PATH',
] as const;
/** Directories where drivers look for programs and for their own directories. */
const PROGRAM_VARIABLES = ['COMPILER_PATH', 'GCC_EXEC_PREFIX'] as const;

/** In arguments for cpp, as or clang's inner command line: the directory is in the same word or the next one. */
const JOINED_DIRECTORY = /^-(?:I|iquote|isystem|idirafter|F)(.+)$/;
const SEPARATE_DIRECTORY =
  /^-(?:I|iquote|isystem|idirafter|F|iframework|internal-isystem|internal-externc-isystem|(?:c|cxx|objc|objcxx)-isystem|isysroot|resource-dir)$/;
const MACRO = /^-[DUA]/;

const ROWS: ReadonlyMap<string, OptionRow> = new Map(OPTION_ROWS.map((row) => [row.name, row]));

interface ReadsDraft {
  readonly cwd: string;
  readonly directories: string[];
  readonly files: string[];
  readonly programPrefixes: string[];
  readonly roots: string[];
  readonly searchWords: string[];
  readonly ownFiles: string[];
  /** Arguments for other programs, by the option that passes them. */
  readonly passed: Map<string, string[]>;
}

/** @param source - the main input, absolute */
export function readsOf(line: DriverLine, cwd: string, env: ReadonlyMap<string, string>, source: string): Reads {
  const draft: ReadsDraft = {
    cwd,
    directories: source === NOTHING ? [] : [dirname(source)],
    files: [],
    programPrefixes: [],
    roots: [],
    searchWords: [],
    ownFiles: [],
    passed: new Map(),
  };
  for (const item of line.items) takeItem(draft, item, ROWS.get(item.spelled));
  for (const words of draft.passed.values()) takePassedWords(draft, words);
  for (const name of SEARCH_VARIABLES) draft.directories.push(...(env.get(name)?.split(':') ?? []));
  const searchEnvironment = takeProgramVariables(draft, env);
  const absolute = (names: readonly string[]): string[] => [...new Set(names.map((name) => absolutePath(cwd, name)))];
  return {
    directories: absolute(draft.directories),
    files: absolute(draft.files),
    programPrefixes: [...new Set(draft.programPrefixes.map((name) => absolutePrefix(cwd, name)))],
    roots: absolute(draft.roots),
    searchWords: draft.searchWords,
    searchEnvironment,
    ownFiles: [...new Set(draft.ownFiles)],
  };
}

function takeItem(draft: ReadsDraft, item: Item, row: OptionRow | undefined): void {
  const { role, argument } = item;
  if (row?.names !== undefined) takeNamed(draft, item, row);
  else if (role === 'input' && argument !== NOTHING) draft.files.push(argument);
  else if (role === 'directory' || role === 'system-directory') takeDirectory(draft, item);
  else if (role === 'read' || role === 'read-below') draft.files.push(argument);
  if (role === 'forced-include') {
    // Looked up in cwd first, then on the search path.
    draft.directories.push(dirname(argument));
    draft.files.push(argument);
  }
  if (row?.isOwnSearch) draft.searchWords.push(...searchWord(draft.cwd, item, row));
}

/** `=dir` and `$SYSROOT/dir` are relative to the sysroot, which only the compiler knows. */
function takeDirectory(draft: ReadsDraft, item: Item): void {
  if (/^(=|\$SYSROOT)/.test(item.argument)) draft.searchWords.push(...spellItem(item));
  else draft.directories.push(item.argument);
}

function takeNamed(draft: ReadsDraft, { spelled, argument }: Item, { names }: OptionRow): void {
  switch (names) {
    case 'directory':
      draft.directories.push(argument);
      return;
    case 'root':
      draft.roots.push(argument);
      return;
    case 'programs':
      draft.programPrefixes.push(argument);
      draft.roots.push(argument);
      return;
    case 'own-file':
      draft.files.push(argument);
      if (!argument.includes('/')) draft.ownFiles.push(argument);
      return;
    case 'plugin':
      draft.files.push(argument);
      if (!argument.includes('/')) draft.ownFiles.push(`plugin/${argument}.so`);
      return;
    case 'perhaps-file':
      draft.files.push(...pathIn(argument));
      return;
    case 'words': {
      const known = draft.passed.get(spelled) ?? [];
      draft.passed.set(spelled, [...known, ...(spelled.endsWith(',') ? argument.split(',') : [argument])]);
      return;
    }
    case undefined:
      return;
  }
}

/**
 * Takes arguments passed to another program: directories that are known to be such, and everything else that may be a
 * name.
 */
function takePassedWords(draft: ReadsDraft, words: readonly string[]): void {
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    const joined = JOINED_DIRECTORY.exec(word)?.[1];
    if (SEPARATE_DIRECTORY.test(word)) {
      index += 1;
      draft.directories.push(words[index] ?? '');
    } else if (joined !== undefined && !SEPARATE_DIRECTORY.test(word)) draft.directories.push(joined);
    else if (word.startsWith('@')) draft.files.push(word.slice(1));
    else if (!word.startsWith('-') && word !== '') draft.files.push(word);
    else if (!MACRO.test(word)) draft.files.push(...pathIn(word));
  }
}

/** The path after `=` in an otherwise unknown option: `-fsome-list=dir/file`. */
function pathIn(argument: string): string[] {
  const path = /=(.*\/.*)$/s.exec(argument)?.[1];
  return path === undefined ? [] : [path];
}

/** Makes paths absolute, because the driver is queried in another directory. */
function searchWord(cwd: string, item: Item, { role, names }: OptionRow): string[] {
  const { argument } = item;
  const isPath = role !== 'text' && (names !== 'own-file' || argument.includes('/'));
  return spellItem(isPath ? { ...item, argument: absolutePrefix(cwd, argument) } : item);
}

function takeProgramVariables(draft: ReadsDraft, env: ReadonlyMap<string, string>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of PROGRAM_VARIABLES) {
    const value = env.get(name);
    if (value === undefined || value === '') continue;
    const parts = name === 'GCC_EXEC_PREFIX' ? [value] : value.split(':');
    const absolute = parts.map((part) => absolutePrefix(draft.cwd, part));
    draft.programPrefixes.push(...absolute);
    kept[name] = absolute.join(':');
  }
  return kept;
}

/** Keeps the trailing slash that makes a directory of a prefix. */
function absolutePrefix(cwd: string, path: string): string {
  const absolute = absolutePath(cwd, path);
  return path.endsWith('/') && absolute !== '/' ? `${absolute}/` : absolute;
}
