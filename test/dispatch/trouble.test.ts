import { describe, expect, it } from 'vitest';
import { findTrouble } from '../../src/dispatch/trouble.ts';

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
    ['cc1 killed for memory', exited(1), 'gcc: fatal error: Killed signal terminated program cc1\n', 'node-trouble'],
    ['memory exhausted', exited(1), 'cc1: out of memory allocating 65536 bytes\n', 'node-trouble'],
    ['a full disk', exited(1), '/tmp/x.s: Fatal error: No space left on device\n', 'node-trouble'],
    ['the driver killed', { kind: 'signalled', signal: 9 } as const, '', 'node-trouble'],
  ])('of %s', (_, termination, stderr, expected) => {
    expect(findTrouble(termination, stderr)).toBe(expected);
  });
});
