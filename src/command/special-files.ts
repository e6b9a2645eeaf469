/**
 * Whether a command may be one end of a pipeline: it names a FIFO, a device, a descriptor, or prints what it is asked for.
 * A process that waits for such a command may be the very one that it waits for. Unaware of what follows from that.
 */
import type { DriverLine, Item } from './driver-line.ts';
import { absolutePath } from './paths.ts';
import type { Look } from './plan.ts';
import { expandResponseFiles, MAX_RESPONSE_FILES } from './response-file.ts';
import { NOTHING } from './trial.ts';

/** Linker scripts and response files that name each other; as deep as nothing that was met in practice. */
const MAX_DEPTH = 8;

const READ_ROLES: ReadonlySet<Item['role']> = new Set<Item['role']>(['input', 'forced-include', 'read', 'read-below']);
const WRITTEN_ROLES: ReadonlySet<Item['role']> = new Set<Item['role']>(['object', 'depfile', 'written']);
const PASSED_ON_ROLES: ReadonlySet<Item['role']> = new Set<Item['role']>(['assembler', 'preprocessor', 'clang-word']);
/** Texts that are no file's name, whatever they look like. */
const NO_NAME = /^-{1,2}([DUAWmOgelhuyz]|M[TQ]|std|param|target|arch|define-macro|undefine-macro|mllvm|X(arch|openmp))/;

/** What of a compile is no regular file: something that it reads, or that it writes. */
export type Special = 'special-input' | 'special-output';

/** `/dev/null` and directories are no such thing: nobody waits for them. */
export function isSpecialFile(path: string, look: Look): boolean {
  return path !== NOTHING && look.kind(path) === 'other';
}

/** What a compile names beside its source, by what its options mean. */
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

/** Words that may hold a name, of options that the table has no role for. */
function otherNames({ role, spelled, argument, isSeparate }: Item): string[] {
  if (PASSED_ON_ROLES.has(role)) return argument.split(',');
  if (role === 'plain') return [spelled + argument];
  if (spelled === '-Wl,') return [spelled + argument];
  if (role !== 'text' || NO_NAME.test(spelled)) return [];
  if (isSeparate) return [argument];
  // -fsomething=FILE; most are words of the compiler's own.
  const value = argument.slice(argument.indexOf('=') + 1);
  const mayBeName = value !== argument && (/[/.]/.test(value) || spelled === '-fplugin-arg-');
  return mayBeName ? value.split(',') : [];
}

/** Any words at all: one that could be a name, or hold one, counts as naming it. */
export function namesSpecialFile(words: readonly string[], cwd: string, look: Look, depth = 0): boolean {
  if (words.includes('-')) return true;
  const names = [...new Set(words.flatMap(namesIn))];
  // Each is read, with those that it names: in doubt it is better not to look at a thousand.
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

/** Every part of a word that may be a file's name; `@` stands before that of a response file. */
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

/** With these ld prints on standard output, beside what it writes. */
const LINKER_PRINTS =
  /^-{1,2}(M|print-map|t|trace|verbose|cref|stats|print-memory-usage|print-output-format|Map=-|print-gc-sections)$/;

/** Does a linker, called itself or by a driver, print what it is asked for? */
export function printsLink(words: readonly string[]): boolean {
  const forLinker = words.flatMap((word) => (word.startsWith('-Wl,') ? word.split(',').slice(1) : [word]));
  return forLinker.some((word, index) => LINKER_PRINTS.test(word) || (word === '-' && forLinker[index - 1] === '-Map'));
}

/** Does an archiver print what it is asked for, or read a script on standard input (-M)? @param operation its first word */
export function printsArchive(operation: string): boolean {
  return /[ptvM]/.test(operation);
}
