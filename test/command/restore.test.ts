import { describe, expect, it } from 'vitest';
import { holdsNames, restoreDepfile, restoreDiagnostics } from '../../src/command/restore.ts';
import type { NameRestore } from '../../src/protocol/worker.ts';
import { compileOf, render } from './plan-of.ts';

function restoreOf(line: string, cwd = '/t/build'): NameRestore {
  const restore = render(compileOf(line, { cwd, paths: 'absolute' }))?.restore;
  if (!restore) throw new Error('it is not rewritten');
  return restore;
}

function depfile(line: string, text: string, cwd?: string): string | undefined {
  return restoreDepfile(restoreOf(line, cwd), Buffer.from(text))?.toString();
}

describe('depfiles', () => {
  it('lose the prefix and a leading ./', () => {
    expect(depfile('gcc -MD -c src/a.c', 'a.o: /t/build/./src/a.c /t/build/././h.h /usr/h.h\n')).toBe(
      'a.o: src/a.c h.h /usr/h.h\n',
    );
  });

  it('are wrapped again at column 72', () => {
    const names = ['include/one.h', 'include/two.h', 'include/three.h', 'include/fourteen.h'];
    const long = `x/a.o: \\\n ${['src/a.c', ...names].map((name) => `/t/build/./${name}`).join(' \\\n ')}\n`;
    expect(depfile('gcc -MD -c src/a.c', long.replace(': \\\n ', ': '))).toBe(
      'x/a.o: src/a.c include/one.h include/two.h include/three.h \\\n include/fourteen.h\n',
    );
  });

  it('keep phony targets and their lines', () => {
    expect(depfile('gcc -MD -MP -c src/a.c', 'a.o: /t/build/./src/a.c /t/build/./h.h\n/t/build/./h.h:\n')).toBe(
      'a.o: src/a.c h.h\nh.h:\n',
    );
  });

  it('know how names are quoted', () => {
    expect(depfile('gcc -MD -c src/a.c', 'a.o: /t/a\\ b$$\\#/./src/a.c\n', '/t/a b$#')).toBe('a.o: src/a.c\n');
  });

  it('are left alone where no name was rewritten', () => {
    expect(depfile('gcc -MD -c /t/a.c', 'a.o: /t/a.c /usr/h.h\n')).toBeUndefined();
  });
});

describe('messages', () => {
  it('lose the prefix wherever it stands, and nothing else', () => {
    const restore = restoreOf('gcc -c src/a.c');
    const text = 'In file included from /t/build/./src/a.c:1:\n/t/build/./../x.h:2: \xff /t/build/src/a.c\n';
    expect(restoreDiagnostics(restore, Buffer.from(text, 'latin1')).toString('latin1')).toBe(
      'In file included from src/a.c:1:\n../x.h:2: \xff /t/build/src/a.c\n',
    );
  });

  it('also as JSON quotes it', () => {
    const restore = restoreOf('gcc -c src/a.c', '/t/q"q');
    expect(restoreDiagnostics(restore, Buffer.from('[{"file": "/t/q\\"q/./src/a.c"}]')).toString()).toBe(
      '[{"file": "src/a.c"}]',
    );
  });
});

describe('an object', () => {
  const restore = { ...restoreOf('gcc -c src/a.c'), back: [{ local: '/t', remote: '/nfs/t' }] };

  it.each([
    ['a name that was made absolute', '\0/t/build/./src/a.c\0', true],
    ['a name that only the node knows', '\0/nfs/t/x.h\0', true],
    ['names as they are here', '\0/t/build/src/a.c\0/t/x.h\0', false],
  ])('with %s', (_, text, isHeld) => {
    expect(holdsNames(restore, Buffer.from(text))).toBe(isHeld);
  });
});
