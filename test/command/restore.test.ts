import { describe, expect, it } from 'vitest';
import { planCommand } from '../../src/command/plan-command.ts';
import { depfilesToRestore, restoreDepfile, restoreDiagnostics } from '../../src/command/restore.ts';
import { sourcesExist } from './fake-look.ts';

function restoreOf(line: string, cwd = '/t/build'): string {
  const [name = '', ...argv] = line.split(' ');
  const invocation = { name, argv, cwd, env: new Map<string, string>(), rewrite: true, stderrIsTty: false };
  const plan = planCommand(invocation, sourcesExist);
  if (plan.kind !== 'compile') throw new Error(plan.reason);
  return plan.restore;
}

function depfile(line: string, text: string, cwd?: string): string | undefined {
  const restore = restoreOf(line, cwd);
  const [path = ''] = depfilesToRestore(restore);
  return restoreDepfile(restore, path, Buffer.from(text))?.toString();
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

  it('of clang have one name once', () => {
    expect(depfile('clang -MD -c src/a.c', 'a.o: /t/build/./src/a.c /t/build/./h.h /t/build/././h.h\n')).toBe(
      'a.o: src/a.c h.h\n',
    );
  });

  it('are left alone where nothing was rewritten', () => {
    expect(depfile('gcc -MD -c /t/a.c', 'a.o: /t/a.c /usr/h.h\n')).toBeUndefined();
    expect(restoreDepfile('', '/t/build/a.d', Buffer.from('a.o: /t/build/./a.c\n'))).toBeUndefined();
    expect(
      restoreDepfile(restoreOf('gcc -MD -c a.c'), '/elsewhere.d', Buffer.from('x: /t/build/./a.c')),
    ).toBeUndefined();
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

  it('stay as they are without a restore', () => {
    expect(restoreDiagnostics('', Buffer.from('/t/build/./a.c')).toString()).toBe('/t/build/./a.c');
  });
});
