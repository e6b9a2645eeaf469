/**
 * What a linker, an archiver or a driver that links will read, as far as its words tell: for the hold, which waits
 * only for what this build's jobs are writing. So naming too much is harmless; missing one is not.
 */
import { absolutePath } from './paths.ts';
import type { Look } from './plan.ts';
import { thinArchiveMembers } from './thin-archive.ts';

/** Thin archives may name thin archives; this deep and no cycle has been met in practice. */
const MAX_ARCHIVE_DEPTH = 8;

/** `words`, absolute, with what thin archives among them hold. */
export function filesToWaitFor(cwd: string, words: readonly string[], look: Look): string[] {
  const files = new Set<string>();
  const visit = (path: string, depth: number): void => {
    if (files.has(path)) return;
    files.add(path);
    if (!path.endsWith('.a') || depth === MAX_ARCHIVE_DEPTH) return;
    for (const member of thinArchiveMembers(path, look)) visit(member, depth + 1);
  };
  for (const word of words) if (word !== '') visit(absolutePath(cwd, word), 0);
  return [...files];
}

/** Every word that may be a file, and what `-l` may stand for. */
export function namedFiles(words: readonly string[]): string[] {
  return [...words.flatMap(asFiles), ...librariesOf(words)];
}

/** Itself, what stands after `=` in `--version-script=x`, or the words for the linker in `-Wl,--whole-archive,x.a`. */
function asFiles(word: string): string[] {
  if (!word.startsWith('-')) return [word];
  if (word.startsWith('-Wl,')) return word.slice('-Wl,'.length).split(',').flatMap(asFiles);
  const equals = word.indexOf('=');
  return equals > 0 && equals < word.length - 1 ? [word.slice(equals + 1)] : [];
}

/** `-lfoo` is one of these in any `-L` directory; that none of them exists is the linker's business. */
function librariesOf(words: readonly string[]): string[] {
  const directories = argumentsOf(words, '-L', '--library-path');
  const names = argumentsOf(words, '-l', '--library');
  return directories.flatMap((directory) =>
    // `-l:name` is the very name.
    names.flatMap((name) =>
      name.startsWith(':')
        ? [`${directory}/${name.slice(1)}`]
        : [`${directory}/lib${name}.a`, `${directory}/lib${name}.so`],
    ),
  );
}

/** The arguments of an option, joined, in the next word or after `=`. */
function argumentsOf(words: readonly string[], short: string, long: string): string[] {
  const found: string[] = [];
  for (const [index, word] of words.entries()) {
    if (word === short || word === long) found.push(...words.slice(index + 1, index + 2));
    else if (word.startsWith(`${long}=`)) found.push(word.slice(long.length + 1));
    else if (word.startsWith(short)) found.push(word.slice(short.length));
  }
  return found;
}
