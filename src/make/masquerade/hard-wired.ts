/**
 * Search for compilers that a build names by their full path, so that PATH cannot lead them to the shim. It looks at
 * make's arguments, the environment, the files that cmake and configure left in the build directory, and the makefile.
 * The cost is a few stats and short reads. Unaware of what is done about the compilers.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { toolCalled } from '../../command/driver-name.ts';
import { wordsOfMakeflags } from '../invocation/make-options.ts';
import { readHead, readMakefiles } from '../invocation/makefiles.ts';
import { DELETED_DIRECTORY } from '../../util/current-directory.ts';
import { isShim } from '../../util/shim-mark.ts';
import { isExecutableFile } from './search-path.ts';

/** Subdirectories of the build directory that are searched; each costs a stat. */
const MAX_DIRECTORIES = 100;

/** A compiler's path as a separate word, or after `CC=`. */
const COMPILER_PATH = /(?<=^|[\s='"`;&|(@+-])\/[\w.+~,/-]*(?:cc|\+\+|clang|ccache)(?:-[\d.]+)?(?=$|[\s'"`;&|)])/gm;
/**
 * Caches, which look up the compiler on PATH. Through the shim, they find the one that they would find without pmake.
 */
const CACHES: ReadonlySet<string> = new Set(['ccache', 'sccache']);
/** Environment variables from which makefiles take a compiler. */
const COMPILER_VARIABLE = /^(?:\w+_)?(?:CC|CXX|CPP|OBJC|HOSTCC|HOSTCXX)(?:_\w+)?$/;
/** Variables that hold a prefix of the compiler's name, with the suffix that completes the name. */
const PREFIX_VARIABLES: readonly (readonly [RegExp, string])[] = [
  [/^(?:\w+_)?CROSS_COMPILE(?:_\w+)?$/, 'gcc'],
  [/^LLVM$/, 'clang'],
];
const ASSIGNMENT = /^([\w.-]+)[:?+!]*=(.*)$/s;

/** The line in a makefile of cmake's that says where the cache is; make may run in a subdirectory. */
const CMAKE_TOP = /^CMAKE_BINARY_DIR = (\/.*)$/m;

/** Texts that may name a compiler: values of arguments and of the environment, files of the build directory. */
export function* textsOfBuild(
  env: NodeJS.ProcessEnv,
  argv: readonly string[],
  cwd: string | undefined,
): Generator<string> {
  for (const word of [...argv, ...wordsOfMakeflags(env.MAKEFLAGS ?? '')]) {
    const [, name, value] = ASSIGNMENT.exec(word) ?? [];
    if (name !== undefined && value !== undefined) yield withPrefixes(name, value);
  }
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !name.startsWith('PMAKE_')) {
      if (COMPILER_VARIABLE.test(name) || isPrefix(name)) yield withPrefixes(name, value);
    }
  }
  yield* filesOf(argv, cwd ?? DELETED_DIRECTORY);
}

/** The paths of compilers in these texts, in no particular order. Empty for most builds. */
export function findHardWired(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.flatMap((text) => compilersIn(text)))];
}

function isPrefix(name: string): boolean {
  return PREFIX_VARIABLES.some(([pattern]) => pattern.test(name));
}

/** `CROSS_COMPILE=/opt/x/bin/arm-linux-` also names a compiler. */
function withPrefixes(name: string, value: string): string {
  const ending = PREFIX_VARIABLES.find(([pattern]) => pattern.test(name))?.[1];
  return ending === undefined ? value : `${value}${ending}`;
}

function compilersIn(text: string): readonly string[] {
  return [...new Set(text.match(COMPILER_PATH))].filter((path) => {
    const name = basename(path);
    const isNamedSo = CACHES.has(name) || toolCalled(name, undefined).kind === 'driver';
    // `/usr/lib/gcc` is a directory, and a path that configure found under pmake already leads to the shim.
    return isNamedSo && isExecutableFile(path) && !isShim(path);
  });
}

/** Contents of files that may name compilers, in the directory that make will work in. */
function* filesOf(argv: readonly string[], cwd: string): Generator<string> {
  const { directory, texts } = readMakefiles(argv, cwd);
  const cache = readHead(resolve(directory, 'CMakeCache.txt'));
  if (cache !== undefined) {
    yield cache;
    return;
  }
  const makefile = texts.join('\n');
  const top = CMAKE_TOP.exec(makefile)?.[1];
  if (top !== undefined && dirname(top) !== top) {
    yield readHead(resolve(top, 'CMakeCache.txt')) ?? '';
    return;
  }
  yield withoutComments(makefile);
  yield readHead(resolve(directory, 'config.status')) ?? '';
  for (const path of cachesBelow(directory)) yield readHead(path) ?? '';
}

/** Many makefiles only run cmake, and then make in `build`. */
function cachesBelow(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .slice(0, MAX_DIRECTORIES)
      .map((entry) => join(directory, entry.name, 'CMakeCache.txt'))
      .filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
  } catch {
    return [];
  }
}

function withoutComments(text: string): string {
  return text.replaceAll(/^[ \t]*#.*$/gm, '');
}
