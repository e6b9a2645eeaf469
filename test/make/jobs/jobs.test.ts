import { describe, expect, test } from 'vitest';
import { areJobsGiven, jobsForSlots, withJobs, withMakeflag } from '../../../src/make/jobs/jobs.ts';
import { doesVersionTakeIt } from '../../../src/make/invocation/make-version.ts';

describe('areJobsGiven', () => {
  test.each<[string[], boolean]>([
    [[], false],
    [['-j'], true],
    [['-j8'], true],
    [['-j', '8'], true],
    [['--jobs'], true],
    [['--jobs=8'], true],
    [['--jobs', '8'], true],
    [['-kj8'], true],
    [['-skj', 'all'], true],
    [['-k', '-s', 'all'], false],
    [['all', '-j2'], true],
    [['--', '-j2'], false],
    [['-C', '-j2'], false],
    [['-C-j2'], false],
    [['-kC', '-j2'], false],
    [['--directory', '-j2'], false],
    [['--directory=-j2'], false],
    [['--dir', '-j2'], false],
    [['-f', '-j'], false],
    [['-I', '-j'], false],
    [['-o', '-j'], false],
    [['-W', '-j'], false],
    [['-E', '-j'], false],
    [['--eval', '-j'], false],
    [['-l', '-j'], true],
    [['-l', '4', '-j'], true],
    [['-l4j'], false],
    [['-Oj'], false],
    [['-O', '-j'], true],
    [['--debug', '-j'], true],
    [['--debug=j'], false],
    [['A=-j4'], false],
    [['--jobserver-auth=3,4'], true],
    [['-'], false],
    [['--just-print'], false],
  ])('%j: %s', (words, isGiven) => {
    expect(areJobsGiven(words, {})).toBe(isGiven);
  });

  test.each<[NodeJS.ProcessEnv, boolean]>([
    [{ MAKEFLAGS: '' }, false],
    [{ MAKEFLAGS: 'k' }, false],
    [{ MAKEFLAGS: 'kj5' }, true],
    [{ MAKEFLAGS: 'k -j5' }, true],
    [{ MAKEFLAGS: ' -j5 --jobserver-auth=3,4' }, true],
    [{ MAKEFLAGS: 'w --jobserver-fds=3,4 -j' }, true],
    [{ MAKEFLAGS: ' --jobserver-auth=fifo:/tmp/GMfifo1' }, true],
    [{ MAKEFLAGS: '-- A=-j4' }, false],
    [{ MAKEFLAGS: 'A=1\\ -j4' }, false],
    [{ MAKEFLAGS: 'A=1 -j4' }, true],
    [{ GNUMAKEFLAGS: '-j5' }, true],
    [{ MFLAGS: '-j5' }, false],
  ])('%j: %s', (env, isGiven) => {
    expect(areJobsGiven([], env)).toBe(isGiven);
  });
});

test.each([
  [0, 2, 2],
  [0, 0, 1],
  [8, 2, 11],
  [40, 4, 49],
  [4_000, 8, 1_000],
])('%i slots on nodes and %i here make -j%i', (remoteSlots, localSlots, jobs) => {
  expect(jobsForSlots({ remoteSlots, localSlots })).toBe(jobs);
});

test('the -j goes into the environment, unless there is one', () => {
  expect(withJobs(['4', '--', '-j'], { A: '1' }, 7)).toEqual({ A: '1', MAKEFLAGS: '-j7' });
  expect(withJobs([], { MAKEFLAGS: 'k' }, 7)).toEqual({ MAKEFLAGS: '-j7 -k' });
  expect(withJobs(['-j3'], { MAKEFLAGS: 'k' }, 7)).toEqual({ MAKEFLAGS: 'k' });
  expect(withJobs([], { MAKEFLAGS: 'kj5' }, 7)).toEqual({ MAKEFLAGS: 'kj5' });
});

test.each([
  [undefined, '--jobserver-auth=3,4'],
  ['', '--jobserver-auth=3,4'],
  ['k', '--jobserver-auth=3,4 -k'],
  ['-k', '--jobserver-auth=3,4 -k'],
  [' --no-print-directory', '--jobserver-auth=3,4 --no-print-directory'],
  ['k -- CC=gcc', '--jobserver-auth=3,4 -k -- CC=gcc'],
  ['CC=gcc', '--jobserver-auth=3,4 CC=gcc'],
])('make finds the jobserver with MAKEFLAGS=%j', (given, told) => {
  const env = given === undefined ? {} : { MAKEFLAGS: given };
  expect(withMakeflag(env, '--jobserver-auth=3,4')).toEqual({ MAKEFLAGS: told });
  expect(areJobsGiven([], { MAKEFLAGS: told })).toBe(true);
});

test.each([
  ['GNU Make 4.3\nBuilt for x86_64-pc-linux-gnu\n', true],
  ['GNU Make 4.2.1\n', true],
  ['GNU Make 4.4\n', true],
  ['GNU Make 4.4.1\n', true],
  ['GNU Make 5.0\n', true],
  ['GNU Make 4.1\n', false],
  ['GNU Make 3.81\n', false],
  ['bmake 20200710\n', false],
  ['', false],
])('%j takes a jobserver: %s', (said, takes) => {
  expect(doesVersionTakeIt(said)).toBe(takes);
});
