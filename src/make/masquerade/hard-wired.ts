/**
 * Finds the compilers that a build names by their full path, which no PATH leads to the shim: in the words to make, in
 * the environment, in the files that cmake and configure left in the build directory, in the makefile. A few stats and
 * short reads. Unaware of what is done about them.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { toolCalled } from '../../command/driver-name.ts';
import { wordsOfMakeflags } from '../invocation/make-options.ts';
import { readHead, readMakefiles } from '../invocation/makefiles.ts';
import { DELETED_DIRECTORY } from '../../util/current-directory.ts';
import { isShim } from '../../util/shim-mark.ts';
import { isExecutableFile } from './search-path.ts';

/** Below the build directory; a stat each. */
const MAX_DIRECTORIES = 100;

/** A compiler's path as a word of its own, or behind `CC=`. */
const COMPILER_PATH = /(?<=^|[\s='"`;&|(@+-])\/[\w.+~,/-]*(?:cc|\+\+|clang|ccache)(?:-[\d.]+)?(?=$|[\s'"`;&|)])/gm;
/** A cache named by its path finds the compiler on PATH; through the shim it finds it where it would without pmake. */
const CACHES: ReadonlySet<string> = new Set(['ccache', 'sccache']);
/** Variables of the environment that makefiles take a compiler from. */
const COMPILER_VARIABLE = /^(?:\w+_)?(?:CC|CXX|CPP|OBJC|HOSTCC|HOSTCXX)(?:_\w+)?$/;
/** Those that hold what stands in front of the compiler's name, and how to get at a name. */
const PREFIX_VARIABLES: readonly (readonly [RegExp, string])[] = [
  [/^(?:\w+_)?CROSS_COMPILE(?:_\w+)?$/, 'gcc'],
  [/^LLVM$/, 'clang'],
];
const ASSIGNMENT = /^([\w.-]+)[:?+!]*=(.*)$/s;

/** In a makefile of cmake's: where its cache is; make may be called in a directory below. */
const CMAKE_TOP = /^CMAKE_BINARY_DIR = (\/.*)$/m;

/** What may name a compiler: values of words and of the environment, files of the build directory. */
export function* textsOfBuild(
  env: NodeJS.ProcessEnv,
  words: readonly string[],
  cwd: string | undefined,
): Generator<string> {
  for (const word of [...words, ...wordsOfMakeflags(env.MAKEFLAGS ?? '')]) {
    const [, name, value] = ASSIGNMENT.exec(word) ?? [];
    if (name !== undefined && value !== undefined) yield withPrefixes(name, value);
  }
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !name.startsWith('PMAKE_')) {
      if (COMPILER_VARIABLE.test(name) || isPrefix(name)) yield withPrefixes(name, value);
    }
  }
  yield* filesOf(words, cwd ?? DELETED_DIRECTORY);
}

/** The paths, in no order. Empty for most builds. */
export function findHardWired(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.flatMap((text) => compilersIn(text)))];
}

function isPrefix(name: string): boolean {
  return PREFIX_VARIABLES.some(([pattern]) => pattern.test(name));
}

/** `CROSS_COMPILE=/opt/x/bin/arm-linux-` names a compiler too. */
function withPrefixes(name: string, value: string): string {
  const ending = PREFIX_VARIABLES.find(([pattern]) => pattern.test(name))?.[1];
  return ending === undefined ? value : `${value}${ending}`;
}

function compilersIn(text: string): readonly string[] {
  return [...new Set(text.match(COMPILER_PATH))].filter((path) => {
    const name = basename(path);
    const isNamedSo = CACHES.has(name) || toolCalled(name, undefined).kind === 'driver';
    // `/usr/lib/gcc` is a directory; and what a configure below pmake has found leads to the shim by itself.
    return isNamedSo && isExecutableFile(path) && !isShim(path);
  });
}

/** The contents that may name compilers, of the directory that make will work in. */
function* filesOf(words: readonly string[], cwd: string): Generator<string> {
  const { directory, texts } = readMakefiles(words, cwd);
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

/** Many a makefile is there only to run cmake, and make in `build`. */
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
