import { describe, expect, it } from 'vitest';
import type { PathMap } from '../../src/command/path-maps.ts';
import { markOf, rewritePrefix } from '../../src/command/paths.ts';
import type { CompilePlan } from '../../src/command/plan.ts';
import { mayStageIn, type Rendered } from '../../src/command/render.ts';
import { restoreDepfile, restoreDiagnostics } from '../../src/command/restore.ts';
import { fakeLook } from './fake-look.ts';
import { compileOf, render, wordsOf } from './plan-of.ts';

describe('outputs under other names', () => {
  const look = fakeLook({ '/t/b/a.c': '', '/t/b/s/a.c': '', '/t/b/w.rsp': '-o a.o -DX="y z"' });

  function staged(line: string): readonly string[] {
    const plan = compileOf(line, { cwd: '/t/b', look });
    return wordsOf(plan, { staged: plan.outputs.map(({ role }) => `/p/T.${role === 'object' ? 'o' : 'd'}`) });
  }

  it.each([
    ['gcc -c a.c -o o/a.o', '-c a.c -o /p/T.o'],
    ['gcc -c a.c', '-o /p/T.o -c a.c'],
    ['gcc -MMD -c a.c -o a.o', '-MF /p/T.d -MQ a.o -MMD -c a.c -o /p/T.o'],
    ['gcc -MD -c a.c', '-o /p/T.o -MF /p/T.d -MQ a.o -MD -c a.c'],
    ['gcc -MT x -MD -MF d/a.Po -c a.c -oa.o', '-MT x -MD -MF /p/T.d -c a.c -o/p/T.o'],
    ['gcc -Wp,-MMD,.a.o.d -c a.c -o a.o', '-Wp,-MMD,/p/T.d -c a.c -o /p/T.o'],
    ['clang -Wp,-MD,a.d -c s/a.c -o a.o', '-MQ a.o -Wp,-MD,/p/T.d -c s/a.c -o /p/T.o'],
    ['gcc -MD -MF /dev/null -c a.c -o a.o', '-MQ a.o -MD -MF /dev/null -c a.c -o /p/T.o'],
  ])('%s', (line, words) => {
    expect(staged(line).join(' ')).toBe(words);
  });

  it('also where a response file names them', () => {
    expect(staged('gcc -c a.c @w.rsp')).toEqual(['-c', 'a.c', '-o', '/p/T.o', '-DX=y z']);
  });

  it('may not lie where a name cannot be written', () => {
    const between = compileOf('gcc -Wp,-MMD,.a.o.d -c a.c -o a.o', { cwd: '/t/b', look });
    expect(mayStageIn(between, '/p/a,b')).toBe(false);
    expect(mayStageIn(between, '/p')).toBe(true);
    expect(mayStageIn(compileOf('gcc -MD -c a.c', { cwd: '/t/b', look }), '/p/a,b')).toBe(true);
    expect(mayStageIn(compileOf('gcc -S a.c', { cwd: '/t/b', look }), '/p')).toBe(false);
  });
});

describe('a response file', () => {
  const look = fakeLook({ '/t/b/a.c': '', '/t/b/w.rsp': '-DX' });

  it('is read by the node where its words are not', () => {
    const plan = compileOf('gcc -S a.c @w.rsp', { cwd: '/t/b', look });
    expect(render(plan)).toMatchObject({ argv: ['-S', 'a.c', '@w.rsp'], sources: ['/t/b/a.c', '/t/b/w.rsp'] });
  });

  it('is not looked at by a node that gets its words', () => {
    const plan = compileOf('gcc -c a.c @w.rsp', { cwd: '/t/b', look });
    expect(render(plan, { staged: ['/p/T.o'] })).toMatchObject({ sources: ['/t/b/a.c'] });
  });
});

describe('a node that has the tree under another name', () => {
  const MAPS: readonly PathMap[] = [
    { local: '/home', remote: '/nfs/home' },
    { local: '/home/big', remote: '/big' },
  ];

  function mapped(line: string, maps = MAPS, plan: Partial<CompilePlan> = {}): Rendered | undefined {
    return render({ ...compileOf(line, { cwd: '/home/u/p' }), ...plan }, { maps });
  }

  it('gets its own names, and prefix maps that give those here', () => {
    expect(mapped('gcc -c a.c -I/home/big/inc -DX=/home/u -MMD -o o/a.o')).toMatchObject({
      cwd: '/nfs/home/u/p',
      // Stamped here, and mapped by the caller that stamps them.
      sources: ['/home/u/p/a.c'],
      outputs: ['/nfs/home/u/p/o/a.o', '/nfs/home/u/p/o/a.d'],
      argv: [
        '-fdebug-prefix-map=/big=/home/big',
        '-fmacro-prefix-map=/big=/home/big',
        '-fdebug-prefix-map=/nfs/home=/home',
        '-fmacro-prefix-map=/nfs/home=/home',
        '-ffile-prefix-map=/nfs/home/u/p/./=',
        ...['-c', '/nfs/home/u/p/./a.c', '-I/big/inc', '-DX=/home/u', '-MMD', '-o', '/nfs/home/u/p/./o/a.o'],
      ],
    });
  });

  it('gets outputs under other names as well', () => {
    const plan = compileOf('gcc -c a.c -MMD -o o/a.o', { cwd: '/home/u/p' });
    const rendered = render(plan, { maps: MAPS, staged: ['/home/.s/T.o', '/home/.s/T.d'] });
    expect(rendered).toMatchObject({
      outputs: ['/nfs/home/.s/T.o', '/nfs/home/.s/T.d'],
      restore: { depfiles: ['/nfs/home/.s/T.d'], source: '/nfs/home/u/p/./a.c' },
    });
    expect(rendered?.argv.slice(-4)).toEqual(['/nfs/home/u/p/./a.c', '-MMD', '-o', '/nfs/home/.s/T.o']);
  });

  it.each([
    'gcc -c a.c --sysroot=/home/u/root',
    'gcc -c a.c -isystem /home/u/inc',
    'gcc -c a.c -B/home/u/bin',
    'gcc -c a.c --coverage',
    'gcc -c a.c -ffile-prefix-map=/ho=x',
    'gcc -c a.c -I/nfs/home/u',
    'clang -c sub/a.c',
  ])('does not get %s', (line) => {
    expect(mapped(line)).toBeUndefined();
  });

  it('does not get what PMAKE_PATHS=keep forbids to change', () => {
    expect(mapped('gcc -c a.c', MAPS, { paths: 'keep', keepsInputs: 'paths-kept' })).toBeUndefined();
  });

  it('gets what has no name in a mapped directory as it was given', () => {
    const maps = [{ local: '/elsewhere', remote: '/x' }];
    expect(mapped('gcc -c a.c', maps)?.argv).toEqual(['-c', 'a.c']);
    expect(mapped('clang -c a.c', maps)?.argv).toEqual(['-c', 'a.c']);
  });

  it('gives depfiles and messages back with the names here', () => {
    const restore = mapped('gcc -c a.c -MD -MF a.d')?.restore;
    if (!restore) throw new Error('it is not rewritten');
    expect(restore.depfiles).toEqual(['/nfs/home/u/p/a.d']);
    const depfile = 'a.o: /nfs/home/u/p/./a.c /nfs/home/u/x.h /big/y.h /nfs/homes/z.h\n';
    expect(restoreDepfile(restore, Buffer.from(depfile))?.toString()).toBe(
      'a.o: a.c /home/u/x.h /home/big/y.h /nfs/homes/z.h\n',
    );
    const said = '\u001b[01m\u001b[K/nfs/home/u/x.h:1: In /nfs/home/u/p/./a.c, not /old/nfs/home/u: "/big/y.h"\n';
    expect(restoreDiagnostics(restore, Buffer.from(said)).toString()).toBe(
      '\u001b[01m\u001b[K/home/u/x.h:1: In a.c, not /old/nfs/home/u: "/home/big/y.h"\n',
    );
  });
});

it('a mark leads nowhere else, and no two are alike', () => {
  const [one, other] = [markOf(Buffer.of(0b1010)), markOf(Buffer.of(0b0101))];
  expect(one).toMatch(/^\/(\.\/+){8}$/);
  expect(one).not.toBe(other);
  expect(rewritePrefix('/', one)).toBe(one);
  expect(rewritePrefix('/a b', one)).toBe(`/a b${one}`);
});
