import { describe, expect, it } from 'vitest';
import { findTrouble, missedNames } from '../../../src/dispatch/job/node-fault.ts';

const exited = (code: number) => ({ kind: 'exited', code }) as const;

describe('findTrouble', () => {
  it.each([
    ['a success with warnings', exited(0), 'a.c:1: warning: No such file or directory\n', undefined],
    ['a compile error', exited(1), "a.c:1:5: error: 'x' undeclared\n", undefined],
    ['an error that quotes a path', exited(1), 'a.c:1: error: expected ;\n', undefined],
    [
      'a header that is missing',
      exited(1),
      'a.c:1:10: fatal error: x.h: No such file or directory\n',
      'file-missing-on-node',
    ],
    ['a header moved away under the compiler', exited(1), 'x.h: Stale file handle\n', 'file-missing-on-node'],
    ['cc1 killed for memory', exited(1), 'gcc: fatal error: Killed signal terminated program cc1\n', 'node-trouble'],
    ['clang’s step killed', exited(254), 'clang: error: unable to execute command: Killed\n', 'node-trouble'],
    ['clang’s memory exhausted', exited(1), 'LLVM ERROR: out of memory\n', 'node-trouble'],
    ['memory exhausted', exited(1), 'cc1: out of memory allocating 65536 bytes\n', 'node-trouble'],
    ['a full disk', exited(1), '/tmp/x.s: Fatal error: No space left on device\n', 'node-trouble'],
    ['the driver killed', { kind: 'signalled', signal: 9 } as const, '', 'node-trouble'],
  ])('of %s', (_, termination, stderr, expected) => {
    expect(findTrouble(termination, stderr, new Map())).toBe(expected);
  });
});

describe('a failure in a language that pmake does not read', () => {
  it.each([
    ['de_DE.UTF-8', { LANG: 'de_DE.UTF-8' }, 'failed-in-another-language'],
    ['a category', { LANG: 'en_US.UTF-8', LC_MESSAGES: 'fr_FR' }, 'failed-in-another-language'],
    ['LC_ALL over LANG', { LANG: 'de_DE', LC_ALL: 'C.UTF-8' }, undefined],
    ['LANGUAGE', { LANG: 'en_US.UTF-8', LANGUAGE: 'ru:en' }, 'failed-in-another-language'],
    ['LANGUAGE where the locale is C', { LANG: 'C', LANGUAGE: 'ru' }, undefined],
    ['English', { LANG: 'en_GB.UTF-8', LANGUAGE: '' }, undefined],
  ])('by %s', (_, environment, expected) => {
    expect(findTrouble(exited(1), 'a.c:1:5: Fehler: x\n', new Map(Object.entries(environment)))).toBe(expected);
  });
});

describe('missedNames', () => {
  it.each([
    [
      'gcc',
      'In file included from b.h:3,\n a.c:1:10: fatal error: deep/x.h: No such file or directory\n',
      ['deep/x.h'],
    ],
    ['gcc in colours', 'fatal error: \x1b[Kx.h: No such file or directory', ['\x1b[Kx.h']],
    ['gcc as JSON', '"message": "x.h: No such file or directory"', ['x.h']],
    ['clang', "a.c:1:10: fatal error: 'deep/x.h' file not found\n", ['deep/x.h']],
    ['the assembler', 'a.s:1: Error: file not found: blob.bin\n', []],
    ['a stale name', '/t/x.h: Stale file handle', ['/t/x.h']],
  ])('of %s', (_, stderr, expected) => {
    expect(missedNames(stderr)).toEqual(expected);
  });
});
