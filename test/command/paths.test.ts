import { describe, expect, it } from 'vitest';
import { absolutePath, isNodeLocal, withoutSuffix } from '../../src/command/paths.ts';

describe('a path made absolute', () => {
  it.each([
    ['a.c', '/t/build/a.c'],
    ['./a.c', '/t/build/a.c'],
    ['../a.c', '/t/a.c'],
    ['./../../a.c', '/a.c'],
    ['../../../../a.c', '/a.c'],
    ['x//y/./z', '/t/build/x/y/z'],
    ['link/../a.c', '/t/build/link/../a.c'],
    ['/x/../y', '/x/../y'],
    ['/x//./y/', '/x/y'],
    ['.', '/t/build'],
  ])('%s', (path, absolute) => {
    expect(absolutePath('/t/build', path)).toBe(absolute);
  });
});

it.each([
  ['a/b.c', 'a/b'],
  ['a.d/b', 'a.d/b'],
  ['.b', '.b'],
  ['a/.b', 'a/.b'],
  ['a.b.c', 'a.b'],
])('%s without its suffix is %s', (path, stem) => {
  expect(withoutSuffix(path)).toBe(stem);
});

it('what lies in /tmp is each machine’s own, unless the tree itself does', () => {
  expect(isNodeLocal('/tmp/a.o', '/home/u')).toBe(true);
  expect(isNodeLocal('/tmp/a.o', '/tmp/tree')).toBe(false);
  expect(isNodeLocal('/var/tmp/a.o', '/tmp/tree')).toBe(true);
  expect(isNodeLocal('/tmpfs/a.o', '/home/u')).toBe(false);
});
