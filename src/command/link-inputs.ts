/**
 * The files that a linker, an archiver or a linking driver will read, as far as its arguments tell. They are for the
 * hold, which waits only for files that jobs of this build are writing. Naming too many files is therefore harmless,
 * while missing one is not.
 */
import { dirname } from 'node:path';
import { mayBeScript, scriptInputs } from './linker-script.ts';
import { absolutePath } from './paths.ts';
import type { Look } from './plan.ts';
import { isThinArchive, thinArchiveMembers } from './thin-archive.ts';

/**
 * Limit for thin archives and linker scripts that name others: deeper than any seen in practice, and it ends cycles.
 */
const MAX_DEPTH = 8;
/**
 * Thin archives and possible linker scripts: scripts by their usual suffixes, and libraries that are text (`libc.so`).
 */
const MAY_NAME_OTHERS = /\.(?:a|so|ld|lds|x|t|script|map)$/;
/** Enough to identify a file, and usually all of a thin archive or script: an archive step may read hundreds. */
const HEAD_BYTES = 4 * 1024;
/** The kernel's largest (vmlinux.a of an allyesconfig) has 20 MiB, most of it symbols; most have a few KiB. */
const MAX_ARCHIVE_BYTES = 64 * 1024 * 1024;
/** glibc's libc.so has 300 bytes, the kernel's vmlinux.lds 20 KB. */
const MAX_SCRIPT_BYTES = 1024 * 1024;

/** The files that a command reads. */
export interface LinkInputs {
  readonly waitFor: readonly string[];
  /** The files named by linker scripts. */
  readonly inScripts: readonly string[];
}

/** The files named in `words`, as absolute paths, and those named by thin archives and linker scripts among them. */
export function filesToWaitFor(cwd: string, argv: readonly string[], look: Look): LinkInputs {
  const directories = argumentsOf(argv, '-L', '--library-path');
  const scripts = new Set(argumentsOf(argv, '-T', '--script').map((path) => absolutePath(cwd, path)));
  const files = new Set<string>();
  const inScripts = new Set<string>();
  const namedIn = (path: string): string[] => {
    const head = look.readHead(path, HEAD_BYTES) ?? NOTHING;
    if (isThinArchive(head)) {
      const members = thinArchiveMembers(wholeFile(path, head, MAX_ARCHIVE_BYTES, look));
      return members.map((member) => absolutePath(dirname(path), member));
    }
    if (!mayBeScript(head)) return [];
    const names = scriptInputs(wholeFile(path, head, MAX_SCRIPT_BYTES, look));
    const found = names.flatMap((name) => placesOf(name, directories)).map((place) => absolutePath(cwd, place));
    for (const place of found) inScripts.add(place);
    return found;
  };
  const visit = (path: string, depth: number): void => {
    if (files.has(path)) return;
    files.add(path);
    if (depth === MAX_DEPTH || !(MAY_NAME_OTHERS.test(path) || scripts.has(path))) return;
    for (const named of namedIn(path)) visit(named, depth + 1);
  };
  for (const word of namedFiles(argv)) if (word !== '') visit(absolutePath(cwd, word), 0);
  return { waitFor: [...files], inScripts: [...inScripts] };
}

const NOTHING = Buffer.alloc(0);

/**
 * Empty if the file is larger than `maxBytes`.
 * @param head - its first HEAD_BYTES
 */
function wholeFile(path: string, head: Buffer, maxBytes: number, look: Look): Buffer {
  if (head.length < HEAD_BYTES) return head;
  const bytes = look.readHead(path, maxBytes + 1) ?? NOTHING;
  return bytes.length > maxBytes ? NOTHING : bytes;
}

/** The places where ld looks for a name in a script: cwd and each `-L` directory. */
function placesOf(name: string, directories: readonly string[]): string[] {
  if (name.startsWith('-l')) return librariesOf([name, ...directories.map((directory) => `-L${directory}`)]);
  return name.startsWith('/') ? [name] : [name, ...directories.map((directory) => `${directory}/${name}`)];
}

/** Every word that may be a file, and the files that `-l` options may refer to. */
function namedFiles(argv: readonly string[]): string[] {
  return [...argv.flatMap(asFiles), ...librariesOf(argv)];
}

/** The word itself, the value in `--version-script=x`, or the linker's words in `-Wl,--whole-archive,x.a`. */
function asFiles(word: string): string[] {
  if (!word.startsWith('-')) return [word];
  if (word.startsWith('-Wl,')) return word.slice('-Wl,'.length).split(',').flatMap(asFiles);
  // -Ttext=0x1000 and similar options set an address.
  if (/^-T(?!text|data|bss|rodata|ldata).+/.test(word)) return [word.slice('-T'.length)];
  const equals = word.indexOf('=');
  return equals > 0 && equals < word.length - 1 ? [word.slice(equals + 1)] : [];
}

/** `-lfoo` may be any of these in any `-L` directory. If none exists, the linker reports it. */
function librariesOf(argv: readonly string[]): string[] {
  const directories = argumentsOf(argv, '-L', '--library-path');
  const names = argumentsOf(argv, '-l', '--library');
  return directories.flatMap((directory) =>
    // `-l:name` is the exact file name.
    names.flatMap((name) =>
      name.startsWith(':')
        ? [`${directory}/${name.slice(1)}`]
        : [`${directory}/lib${name}.a`, `${directory}/lib${name}.so`],
    ),
  );
}

/** All arguments of an option: joined, in the next word, or after `=`. */
function argumentsOf(argv: readonly string[], short: string, long: string): string[] {
  const found: string[] = [];
  for (const [index, word] of argv.entries()) {
    if (word === short || word === long) found.push(...argv.slice(index + 1, index + 2));
    else if (word.startsWith(`${long}=`)) found.push(word.slice(long.length + 1));
    else if (word.startsWith(short)) found.push(word.slice(short.length));
  }
  return found;
}
