/** Words for this machine's processor, as the real drivers give them: the object is the one that `native` makes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PathsMode, Plan } from '../../../src/command/plan.ts';
import { planCommand } from '../../../src/command/plan-command.ts';
import { fileLook, realProgram } from '../../../src/tree/look.ts';
import { wordsOf } from '../../command/plan-of.ts';

let tree: string;

beforeAll(() => {
  tree = realpathSync(mkdtempSync(join(tmpdir(), 'pmake-machine-')));
  const loop =
    'float sum(const float *a, int n) { float s = 0; for (int i = 0; i < n; i++) s += a[i] * a[i]; return s; }\n';
  writeFileSync(
    join(tree, 'a.c'),
    `#ifdef __AVX2__\nint has_avx2;\n#endif\nunsigned long f(unsigned long x) { return __builtin_popcountl(x) ^ __builtin_ctzl(x); }\n${loop}`,
  );
  execFileSync('sh', ['-c', 'mkdir sub && mv a.c sub/'], { cwd: tree });
});

afterAll(() => {
  rmSync(tree, { recursive: true });
});

function plan(line: string, paths: PathsMode = 'auto'): Plan {
  const [name = '', ...argv] = line.split(' ');
  const program = realProgram(execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim());
  return planCommand({ name, program, argv, cwd: tree, env: new Map(), paths }, fileLook);
}

function objectOf(program: string, words: readonly string[]): Buffer {
  execFileSync(program, words, { cwd: tree });
  return readFileSync(join(tree, 'a.o'));
}

describe.each(['auto', 'absolute', 'keep'] as const)('with PMAKE_PATHS=%s', (paths) => {
  it.each([
    'gcc -O3 -march=native -c sub/a.c -o a.o',
    'gcc -O3 -mtune=native -c sub/a.c -o a.o',
    'gcc -O3 -march=native -mtune=native -c sub/a.c -o a.o',
    'gcc -O3 -march=native -mtune=generic -c sub/a.c -o a.o',
    'gcc -O3 -mno-avx2 -march=native -mno-bmi -c sub/a.c -o a.o',
    'gcc -O3 -march=haswell -mtune=native -mavx2 -c sub/a.c -o a.o',
    'gcc -O3 -march=native -S sub/a.c -o a.o',
    'clang -O3 -march=native -c sub/a.c -o a.o',
    'clang -O3 -g -march=native -c sub/a.c -o a.o',
    'clang -O3 -g -mtune=native -c sub/a.c -o a.o',
    'clang -O3 -march=haswell -mtune=native -c sub/a.c -o a.o',
    'clang -O3 -march=native -mtune=generic -c sub/a.c -o a.o',
  ])('%s', (line) => {
    const [program = '', ...argv] = line.split(' ');
    const made = plan(line, paths);
    if (made.kind === 'local') throw new Error(`stays here: ${made.reason}`);
    const words = wordsOf(made);
    expect(words.join(' ')).not.toContain('native');
    expect(objectOf(program, words).equals(objectOf(program, argv))).toBe(true);
  });
});

it.each([
  // Debug information lists the words.
  ['gcc -O2 -g -march=native -c sub/a.c', 'machine-recorded'],
  ['gcc -O2 -flto -march=native -c sub/a.c', 'machine-recorded'],
  ['gcc -O2 -frecord-gcc-switches -march=native -c sub/a.c', 'machine-recorded'],
  ['gcc -O2 -march=haswell -march=native -c sub/a.c', 'this-machine'],
  ['clang -O2 -march=native -mno-avx2 -c sub/a.c', 'this-machine'],
  ['clang -O2 -mcpu=native -c sub/a.c', 'this-machine'],
])('%s: %s', (line, reason) => {
  expect(plan(line)).toMatchObject({ kind: 'local', reason });
});

it('a response file with it is read, and keeps the job here where its words must not change', () => {
  writeFileSync(join(tree, 'w.rsp'), '-O3 -march=native');
  const made = plan('gcc @w.rsp -c sub/a.c -o a.o');
  if (made.kind === 'local') throw new Error(`stays here: ${made.reason}`);
  expect(objectOf('gcc', wordsOf(made)).equals(objectOf('gcc', ['@w.rsp', '-c', 'sub/a.c', '-o', 'a.o']))).toBe(true);
  expect(plan('gcc @w.rsp -c sub/a.c -o a.o', 'keep')).toMatchObject({ reason: 'this-machine' });
});

it('the driver is asked once', () => {
  const words = ['-###', '-c', '-x', 'c', '/dev/null', '-o', '/dev/null', '-mtune=native', '-DASKED_ONCE'];
  const program = realProgram('/usr/bin/gcc');
  const first = fileLook.driverSays(program, words);
  expect(first).toContain('cc1');
  const before = performance.now();
  for (let round = 0; round < 1_000; round += 1) expect(fileLook.driverSays(program, words)).toBe(first);
  // To start it takes 2 ms and more each time.
  expect(performance.now() - before).toBeLessThan(1_000);
});
