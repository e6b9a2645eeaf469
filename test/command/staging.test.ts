import { describe, expect, it } from 'vitest';
import { stagePlan, stagePrefix } from '../../src/command/staging.ts';
import { depfilesToRestore } from '../../src/command/restore.ts';
import { planCommand } from '../../src/command/plan-command.ts';
import type { CompilePlan } from '../../src/command/plan.ts';
import { fakeLook } from './fake-look.ts';

function compile(line: string): CompilePlan {
  const [name = '', ...argv] = line.split(' ');
  const look = fakeLook({ '/t/b/a.c': '', '/t/b/s/a.c': '' });
  const plan = planCommand({ name, argv, cwd: '/t/b', env: new Map(), rewrite: true, stderrIsTty: false }, look);
  if (plan.kind !== 'compile') throw new Error(`${line} stays: ${plan.reason}`);
  return plan;
}

const MAPS = /^-f(debug|macro)-prefix-map=|^-fdebug-|^-ffile/;

describe('outputs get names of their own', () => {
  it.each([
    ['gcc -c a.c -o o/a.o', '-c /t/b/./a.c -o /t/b/./o/.pmake-T-a.o', ['/t/b/o/.pmake-T-a.o']],
    ['gcc -c a.c', '-o /t/b/.pmake-T-a.o -c /t/b/./a.c', ['/t/b/.pmake-T-a.o']],
    [
      'gcc -MMD -c a.c -o a.o',
      '-MF /t/b/.pmake-T-a.d -MQ a.o -MMD -c /t/b/./a.c -o /t/b/./.pmake-T-a.o',
      ['/t/b/.pmake-T-a.o', '/t/b/.pmake-T-a.d'],
    ],
    [
      'gcc -MD -c a.c',
      '-o /t/b/.pmake-T-a.o -MF /t/b/.pmake-T-a.d -MQ a.o -MD -c /t/b/./a.c',
      ['/t/b/.pmake-T-a.o', '/t/b/.pmake-T-a.d'],
    ],
    [
      'gcc -MT x -MD -MF d/a.Po -c a.c -oa.o',
      '-MT x -MD -MF /t/b/./d/.pmake-T-a.Po -c /t/b/./a.c -o/t/b/./.pmake-T-a.o',
      ['/t/b/.pmake-T-a.o', '/t/b/d/.pmake-T-a.Po'],
    ],
    [
      'gcc -Wp,-MMD,.a.o.d -c a.c -o a.o',
      '-Wp,-MMD,/t/b/./.pmake-T-.a.o.d -c /t/b/./a.c -o /t/b/./.pmake-T-a.o',
      ['/t/b/.pmake-T-a.o', '/t/b/.pmake-T-.a.o.d'],
    ],
    [
      'clang -Wp,-MD,a.d -c s/a.c -o a.o',
      '-MQ a.o -Wp,-MD,/t/b/./.pmake-T-a.d -c /t/b/./s/a.c -o /t/b/./.pmake-T-a.o',
      ['/t/b/.pmake-T-a.o', '/t/b/.pmake-T-a.d'],
    ],
    [
      'gcc -MD -MF /dev/null -c a.c -o a.o',
      '-MQ a.o -MD -MF /dev/null -c /t/b/./a.c -o /t/b/./.pmake-T-a.o',
      ['/t/b/.pmake-T-a.o'],
    ],
  ])('%s', (line, words, outputs) => {
    const staged = stagePlan(compile(line), 'T');
    expect(staged?.words.filter((word) => !MAPS.test(word)).join(' ')).toBe(words);
    expect(staged?.outputs).toEqual(outputs);
  });

  it('where the depfile is restored too', () => {
    const staged = stagePlan(compile('gcc -MMD -c a.c -o a.o'), 'T');
    expect(depfilesToRestore(staged?.restore ?? '')).toEqual(['/t/b/.pmake-T-a.d']);
  });
});

describe('outputs keep their names', () => {
  it.each([
    ['what a kept line says is left alone', 'gcc -c a.c -frecord-gcc-switches -o a.o'],
    ['assembly: the compiler writes into a file that is there', 'gcc -S a.c -o a.s'],
    ['a second output is named after the object', 'gcc -c a.c -fstack-usage -o a.o'],
    ['the driver and the preprocessor each write a depfile', 'gcc -MD -Wp,-MMD,x.d -c a.c -o a.o'],
    ['a name that would grow too long', `gcc -c a.c -o ${'o'.repeat(190)}`],
  ])('%s', (_, line) => {
    expect(stagePlan(compile(line), 'T')).toBeUndefined();
  });
});

it('a tag ends, so that no tag is the beginning of another', () => {
  expect(stagePrefix('a1').startsWith(stagePrefix('a'))).toBe(false);
});
