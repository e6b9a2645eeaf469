/**
 * What a linker, an archiver or a driver that links will read, as far as its words tell: for the hold, which waits
 * only for what this build's jobs are writing. So naming too much is harmless; missing one is not.
 */
import { scriptInputs } from './linker-script.ts';
import { absolutePath } from './paths.ts';
import type { Look } from './plan.ts';
import { thinArchiveMembers } from './thin-archive.ts';

/** Thin archives and linker scripts may name others; this deep and no cycle has been met in practice. */
const MAX_DEPTH = 8;
/** What may be a linker script: scripts by their usual names, and libraries that are text (`libc.so`). */
const MAY_BE_SCRIPT = /\.(?:a|so|ld|lds|x|t|script|map)$/;

/** The files that `words` name, absolute, with what thin archives and linker scripts among them name in turn. */
export function filesToWaitFor(cwd: string, words: readonly string[], look: Look): string[] {
  const directories = argumentsOf(words, '-L', '--library-path');
  const scripts = new Set(argumentsOf(words, '-T', '--script').map((path) => absolutePath(cwd, path)));
  const files = new Set<string>();
  const visit = (path: string, depth: number): void => {
    if (files.has(path)) return;
    files.add(path);
    if (depth === MAX_DEPTH) return;
    if (path.endsWith('.a')) for (const member of thinArchiveMembers(path, look)) visit(member, depth + 1);
    if (!MAY_BE_SCRIPT.test(path) && !scripts.has(path)) return;
    for (const name of scriptInputs(path, look)) {
      for (const found of placesOf(name, directories)) visit(absolutePath(cwd, found), depth + 1);
    }
  };
  for (const word of namedFiles(words)) if (word !== '') visit(absolutePath(cwd, word), 0);
  return [...files];
}

/** Where ld looks for a name in a script: here, and in each `-L` directory. */
function placesOf(name: string, directories: readonly string[]): string[] {
  if (name.startsWith('-l')) return librariesOf([name, ...directories.map((directory) => `-L${directory}`)]);
  return name.startsWith('/') ? [name] : [name, ...directories.map((directory) => `${directory}/${name}`)];
}

/** Every word that may be a file, and what `-l` may stand for. */
function namedFiles(words: readonly string[]): string[] {
  return [...words.flatMap(asFiles), ...librariesOf(words)];
}

/** Itself, what stands after `=` in `--version-script=x`, or the words for the linker in `-Wl,--whole-archive,x.a`. */
function asFiles(word: string): string[] {
  if (!word.startsWith('-')) return [word];
  if (word.startsWith('-Wl,')) return word.slice('-Wl,'.length).split(',').flatMap(asFiles);
  // -Ttext=0x1000 and its like set an address.
  if (/^-T(?!text|data|bss|rodata|ldata).+/.test(word)) return [word.slice('-T'.length)];
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
