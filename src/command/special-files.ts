/**
 * Detects commands that may be one end of a pipeline: they name a FIFO, a device or a descriptor, or print their
 * result. A process that waits for such a command may be the one that the command waits for. Unaware of the
 * consequences.
 */
import type { DriverLine, Item } from './driver-line.ts';
import { absolutePath } from './paths.ts';
import type { Look } from './plan.ts';
import { expandResponseFiles, MAX_RESPONSE_FILES } from './response-file.ts';
import { NOTHING } from './option-probe.ts';

/** Limit for linker scripts and response files that name each other: deeper than any seen in practice. */
const MAX_DEPTH = 8;

const READ_ROLES: ReadonlySet<Item['role']> = new Set<Item['role']>(['input', 'forced-include', 'read', 'read-below']);
const WRITTEN_ROLES: ReadonlySet<Item['role']> = new Set<Item['role']>(['object', 'depfile', 'written']);
const PASSED_ON_ROLES: ReadonlySet<Item['role']> = new Set<Item['role']>(['assembler', 'preprocessor', 'clang-word']);
/** Options whose arguments are never file names, whatever they look like. */
const NO_NAME = /^-{1,2}([DUAWmOgelhuyz]|M[TQ]|std|param|target|arch|define-macro|undefine-macro|mllvm|X(arch|openmp))/;

/** Whether a special file is read or written. */
export type Special = 'special-input' | 'special-output';

/** `/dev/null` and directories do not count: no process waits for them. */
export function isSpecialFile(path: string, look: Look): boolean {
  return path !== NOTHING && look.kind(path) === 'other';
}

/** Checks the names in options, by the meaning of each option; the source is checked elsewhere. */
export function specialFileOf({ items }: DriverLine, cwd: string, look: Look): Special | undefined {
  const isSpecial = (name: string): boolean => isSpecialFile(absolutePath(cwd, name), look);
  if (items.some(({ role, argument }) => READ_ROLES.has(role) && isSpecial(argument))) return 'special-input';
  // `-MF -`, `-o -`: standard output.
  const isWritten = ({ role, argument }: Item): boolean =>
    WRITTEN_ROLES.has(role) && (argument === '-' || isSpecial(argument));
  if (items.some(isWritten)) return 'special-output';
  const others = items.flatMap(otherNames);
  return namesSpecialFile(others, cwd, look) ? 'special-input' : undefined;
}

/** Words that may contain a name, from options without a role in the table. */
function otherNames({ role, spelled, argument, isSeparate }: Item): string[] {
  if (PASSED_ON_ROLES.has(role)) return argument.split(',');
  if (role === 'plain') return [spelled + argument];
  if (spelled === '-Wl,') return [spelled + argument];
  if (role !== 'text' || NO_NAME.test(spelled)) return [];
  if (isSeparate) return [argument];
  // -fsomething=FILE; most values are the compiler's own keywords.
  const value = argument.slice(argument.indexOf('=') + 1);
  const mayBeName = value !== argument && (/[/.]/.test(value) || spelled === '-fplugin-arg-');
  return mayBeName ? value.split(',') : [];
}

/** For arbitrary arguments: every word that may be or contain a name counts as one. */
export function namesSpecialFile(argv: readonly string[], cwd: string, look: Look, depth = 0): boolean {
  if (argv.includes('-')) return true;
  const names = [...new Set(argv.flatMap(namesIn))];
  // Each of these would be read, with those that it names: do not follow a thousand, but assume the worst.
  if (names.filter((name) => name.startsWith('@')).length > MAX_RESPONSE_FILES) return true;
  return names.some((name) => {
    if (!name.startsWith('@')) return isSpecialFile(absolutePath(cwd, name), look);
    const path = absolutePath(cwd, name.slice(1));
    if (depth === MAX_DEPTH || isSpecialFile(path, look)) return true;
    const inner = expandResponseFiles([name], cwd, look);
    return inner.kind === 'expanded'
      ? namesSpecialFile(inner.words, cwd, look, depth + 1)
      : isSpecialFile(inner.path, look);
  });
}

/** Every part of a word that may be a file name; `@` precedes a response file. */
function namesIn(word: string): string[] {
  if (!word.startsWith('-')) return word === '' ? [] : [word];
  if (/^-W[alp],/.test(word)) return word.slice('-Wl,'.length).split(',').flatMap(namesIn);
  const [equals, slash] = [word.indexOf('='), word.indexOf('/')];
  // `-oFILE` and `-dTFILE`; `--script=FILE`; `-include/dev/fd/63`.
  const parts = [word.slice(2), word.slice(3)];
  if (equals > 0) parts.push(word.slice(equals + 1), ...word.slice(equals + 1).split(','));
  if (slash > 0) parts.push(word.slice(slash));
  return [...new Set(parts)].filter((part) => part !== '' && !/^-|^[\d.]+$/.test(part));
}

/** Options that make ld print on standard output, in addition to its output file. */
const LINKER_PRINTS =
  /^-{1,2}(M|print-map|t|trace|verbose|cref|stats|print-memory-usage|print-output-format|Map=-|print-gc-sections)$/;

/** True if a linker, called directly or by a driver, prints its result. */
export function printsLink(argv: readonly string[]): boolean {
  const forLinker = argv.flatMap((word) => (word.startsWith('-Wl,') ? word.split(',').slice(1) : [word]));
  return forLinker.some((word, index) => LINKER_PRINTS.test(word) || (word === '-' && forLinker[index - 1] === '-Map'));
}

/**
 * True if an archiver prints its result, or reads a script from standard input (-M).
 * @param operation - its first word
 */
export function printsArchive(operation: string): boolean {
  return /[ptvM]/.test(operation);
}
