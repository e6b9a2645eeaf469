import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findHardWired, textsOfBuild } from '../../../src/make/masquerade/hard-wired.ts';
import { temporaryDirectory } from '../temporary-directory.ts';

/** `X` in what is given stands for a directory with these programs. */
const PROGRAMS = ['gcc', 'g++', 'cc', 'clang++-14', 'arm-none-eabi-gcc', 'ccache', 'make', 'gcc-ar', 'pcc', 'gcc.c'];

/** Programs, and a directory with these files. */
function layOut(files: Readonly<Record<string, string>> = {}) {
  const root = temporaryDirectory();
  const programs = join(root, 'bin');
  const work = join(root, 'work');
  for (const directory of [programs, join(programs, 'cc-directory/gcc'), work]) {
    mkdirSync(directory, { recursive: true });
  }
  for (const name of PROGRAMS) {
    writeFileSync(join(programs, name), '');
    chmodSync(join(programs, name), 0o755);
  }
  writeFileSync(join(programs, 'c++'), 'not executable');
  const fill = (text: string) => text.replaceAll(/X(?=\/)/g, programs).replaceAll('WORK', work);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(work, path, '..'), { recursive: true });
    writeFileSync(join(work, path), fill(text));
  }
  const find = (words: readonly string[] = [], env: NodeJS.ProcessEnv = {}, below = ''): string[] => {
    const filled = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value ?? '')]));
    return findHardWired([...textsOfBuild(filled, words.map(fill), join(work, below))]).map((path) =>
      path.replace(programs, 'X'),
    );
  };
  return { find };
}

test('a makefile that is a FIFO is left to make, whether its writer has come or not', () => {
  const directory = temporaryDirectory();
  const fifo = join(directory, 'fifo');
  execFileSync('mkfifo', [fifo]);
  expect([...textsOfBuild({}, ['-f', fifo], directory)]).toEqual(['', '']);
});

describe('in the words to make', () => {
  test.each([
    [['CC=X/gcc'], ['X/gcc']],
    [['all', 'CC = X/gcc'], []],
    [['CC:=X/gcc'], ['X/gcc']],
    [
      ['CC=X/gcc -m64 -pipe', 'CXX=X/g++'],
      ['X/gcc', 'X/g++'],
    ],
    [['CC=X/ccache X/arm-none-eabi-gcc'], ['X/ccache', 'X/arm-none-eabi-gcc']],
    [['CC=X/ccache gcc'], ['X/ccache']],
    [['CXX=X/clang++-14'], ['X/clang++-14']],
    [['CROSS_COMPILE=X/arm-none-eabi-'], ['X/arm-none-eabi-gcc']],
    [['CC=gcc', 'prefix=/usr', 'MAKE=X/make', 'AR=X/gcc-ar'], []],
    [['CC=X/c++', 'CC=X/nothing-gcc', 'L=X/cc-directory/gcc'], []],
    [['CC=X/pcc', 'SRC=X/gcc.c'], []],
    [['X/gcc'], []],
  ])('%j', (words, expected) => {
    expect(layOut().find(words)).toEqual(expected);
  });

  test('and in those that an outer make passes on', () => {
    expect(layOut().find([], { MAKEFLAGS: ' -j4 --jobserver-auth=3,4 -- CC=X/gcc\\ -pipe' })).toEqual(['X/gcc']);
  });
});

test.each([
  ['CC', 'X/gcc -m64', ['X/gcc']],
  ['HOSTCXX', 'X/g++', ['X/g++']],
  ['CC_FOR_BUILD', 'X/cc', ['X/cc']],
  ['CROSS_COMPILE', 'X/arm-none-eabi-', ['X/arm-none-eabi-gcc']],
  ['CC', 'gcc', []],
  ['MANPATH', 'X/gcc', []],
  ['PMAKE_CC', 'X/gcc', []],
])('in the environment: %s=%s', (name, value, expected) => {
  expect(layOut().find([], { [name]: value })).toEqual(expected);
});

const CACHE = '//CXX compiler\nCMAKE_CXX_COMPILER:FILEPATH=X/g++\n\nCMAKE_C_COMPILER:STRING=X/cc\n';
const CMAKE_MAKEFILE = '# CMAKE generated file: DO NOT EDIT!\nCMAKE_COMMAND = X/cmake\nCMAKE_BINARY_DIR = WORK/build\n';

describe('in the build directory', () => {
  test.each<[string, Record<string, string>, string[], string, string[]]>([
    ['cmake', { 'build/CMakeCache.txt': CACHE }, [], 'build', ['X/g++', 'X/cc']],
    ['cmake by -C', { 'build/CMakeCache.txt': CACHE }, ['-C', 'build'], '', ['X/g++', 'X/cc']],
    ['cmake by two -C', { 'a/build/CMakeCache.txt': CACHE }, ['-Ca', '--directory=build'], '', ['X/g++', 'X/cc']],
    [
      "cmake's directory below",
      { 'build/CMakeCache.txt': CACHE, 'build/src/Makefile': CMAKE_MAKEFILE },
      [],
      'build/src',
      ['X/g++', 'X/cc'],
    ],
    ['cmake right below', { Makefile: 'all:', 'build/CMakeCache.txt': CACHE }, [], '', ['X/g++', 'X/cc']],
    ['cmake elsewhere', { 'other/build/CMakeCache.txt': CACHE }, [], '', []],
    ['cmake with pcc', { 'CMakeCache.txt': 'CMAKE_C_COMPILER:STRING=X/pcc\n' }, [], '', []],
    ['configure', { 'config.status': 'S["CC"]="X/gcc -std=gnu99"\nS["AR"]="ar"\n' }, [], '', ['X/gcc']],
    ['configure with a name', { 'config.status': 'S["CC"]="gcc"\n' }, [], '', []],
    ['a makefile', { Makefile: 'CC ?= X/gcc\n' }, [], '', ['X/gcc']],
    ['a recipe', { Makefile: 'a.o: a.c\n\t@X/gcc -c a.c\n' }, [], '', ['X/gcc']],
    ['GNUmakefile before Makefile', { Makefile: 'CC = X/gcc\n', GNUmakefile: 'CC = X/cc\n' }, [], '', ['X/cc']],
    ['-f', { Makefile: 'CC = X/gcc\n', 'other.mk': 'CC = X/cc\n' }, ['-f', 'other.mk'], '', ['X/cc']],
    ['a comment', { Makefile: '# CC = X/gcc\n  # and X/cc\nall:\n' }, [], '', []],
    ['nothing', {}, [], '', []],
  ])('%s', (_, files, words, below, expected) => {
    if (below !== '') files[`${below}/.keep`] = '';
    expect(layOut(files).find(words, {}, below)).toEqual(expected);
  });

  test('whatever is in the way: a directory of that name, bytes, a very long line', () => {
    expect(layOut({ 'CMakeCache.txt/x': '', Makefile: 'CC = X/gcc\n' }).find()).toEqual(['X/gcc']);
    expect(layOut({ Makefile: `\0\xff${'/gcc'.repeat(100_000)}\nCC = X/gcc\n` }).find()).toEqual(['X/gcc']);
    expect(layOut({ Makefile: `${' /'.repeat(200_000)}\nCC = X/gcc\n` }).find()).toEqual(['X/gcc']);
  });
});
