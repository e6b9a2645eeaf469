import { describe, expect, it } from 'vitest';
import {
  mapEnvironment,
  mapJob,
  mapPath,
  mapPathBack,
  type JobNames,
  type PathMap,
} from '../../src/command/path-maps.ts';
import { planCommand } from '../../src/command/plan-command.ts';
import { depfilesToRestore, restoreDepfile, restoreDiagnostics } from '../../src/command/restore.ts';
import { sourcesExist } from './fake-look.ts';

const MAPS: readonly PathMap[] = [
  { here: '/home', there: '/nfs/home' },
  { here: '/home/big', there: '/big' },
];

function mapped(line: string, maps = MAPS): JobNames | undefined {
  const [name = '', ...argv] = line.split(' ');
  const cwd = '/home/u/p';
  const plan = planCommand({ name, argv, cwd, env: new Map(), rewrite: true, stderrIsTty: false }, sourcesExist);
  if (plan.kind === 'here') throw new Error(plan.reason);
  return mapJob({ ...plan, cwd, program: `/usr/bin/${name}` }, maps);
}

describe('names', () => {
  it.each([
    ['/home/u/a.c', '/nfs/home/u/a.c'],
    ['/home', '/nfs/home'],
    ['/home2/a.c', '/home2/a.c'],
    ['/home/big/x', '/big/x'],
    ['/home/bigger/x', '/nfs/home/bigger/x'],
    ['a.c', 'a.c'],
  ])('%s is %s there', (here, there) => {
    expect(mapPath(here, MAPS)).toBe(there);
    expect(mapPathBack(there, MAPS)).toBe(here);
  });

  it('directories in the environment, and those alone', () => {
    const block = 'PWD=/home/u\0CPATH=inc:/home/u/inc\0NOTE=/home/u\0PATH=/bin:/home/big/bin\0B=\xff\0';
    expect(mapEnvironment(Buffer.from(block, 'latin1'), MAPS).toString('latin1')).toBe(
      'PWD=/nfs/home/u\0CPATH=inc:/nfs/home/u/inc\0NOTE=/home/u\0PATH=/bin:/big/bin\0B=\xff\0',
    );
  });
});

it('a compile with the names there, and prefix maps that give those here', () => {
  expect(mapped('gcc -c a.c -I/home/big/inc -DX=/home/u -MMD -o o/a.o')).toMatchObject({
    cwd: '/nfs/home/u/p',
    sources: ['/nfs/home/u/p/a.c'],
    outputs: ['/nfs/home/u/p/o/a.o', '/nfs/home/u/p/o/a.d'],
    words: [
      '-fdebug-prefix-map=/big=/home/big',
      '-fmacro-prefix-map=/big=/home/big',
      '-fdebug-prefix-map=/nfs/home=/home',
      '-fmacro-prefix-map=/nfs/home=/home',
      '-ffile-prefix-map=/nfs/home/u/p/./=',
      ...['-c', '/nfs/home/u/p/./a.c', '-I/big/inc', '-DX=/home/u', '-MMD', '-o', '/nfs/home/u/p/./o/a.o'],
    ],
  });
});

it.each([
  'gcc -c a.c --sysroot=/home/u/root',
  'gcc -c a.c -isystem /home/u/inc',
  'gcc -c a.c -B/home/u/bin',
  'gcc -c a.c --coverage',
  'gcc -c a.c -ffile-prefix-map=/ho=x',
  'gcc -c a.c -I/nfs/home/u',
  'clang -c sub/a.c',
])('%s cannot be mapped', (line) => {
  expect(mapped(line)).toBeUndefined();
});

it('what has no name in a mapped directory stays as it is', () => {
  const maps = [{ here: '/elsewhere', there: '/x' }];
  expect(mapped('gcc -c a.c', maps)?.words).toEqual(['-ffile-prefix-map=/home/u/p/./=', '-c', '/home/u/p/./a.c']);
});

it('depfiles and messages come back with the names here', () => {
  const { restore } = mapped('gcc -c a.c -MD -MF a.d') ?? { restore: '' };
  expect(depfilesToRestore(restore)).toEqual(['/nfs/home/u/p/a.d']);
  const depfile = 'a.o: /nfs/home/u/p/./a.c /nfs/home/u/x.h /big/y.h /nfs/homes/z.h\n';
  expect(restoreDepfile(restore, '/nfs/home/u/p/a.d', Buffer.from(depfile))?.toString()).toBe(
    'a.o: a.c /home/u/x.h /home/big/y.h /nfs/homes/z.h\n',
  );
  const said = '\u001b[01m\u001b[K/nfs/home/u/x.h:1: In /nfs/home/u/p/./a.c, not /old/nfs/home/u: "/big/y.h"\n';
  expect(restoreDiagnostics(restore, Buffer.from(said)).toString()).toBe(
    '\u001b[01m\u001b[K/home/u/x.h:1: In a.c, not /old/nfs/home/u: "/home/big/y.h"\n',
  );
});
