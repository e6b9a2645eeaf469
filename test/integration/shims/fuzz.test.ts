/**
 * The C programs under AddressSanitizer and UndefinedBehaviorSanitizer: what they read by itself through libFuzzer
 * (test/fuzz/*.c), and the built programs through tests that give them any answer, any words, any start.
 * PMAKE_TEST_SEED repeats a run of libFuzzer, which shows the input that it failed with.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeInherited, NOTHING_SET } from '../../../src/protocol/inherited.ts';
import { encodeRunnerStart } from '../../../src/protocol/runner.ts';
import { encodeNode, encodeOutput, encodePlace } from '../../../src/protocol/shim.ts';
import { PLAIN_STREAMS } from '../../../src/protocol/streams.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const IS_WHOLE = process.env.PMAKE_TEST_ALL === '1';
const RUNS = IS_WHOLE ? 1_000_000 : 20_000;
const SEED = Number(process.env.PMAKE_TEST_SEED ?? (IS_WHOLE ? Math.floor(Date.now() / 86_400_000) : 1));
const MAX_INPUT_BYTES = 4_096;
/** One input needs microseconds. */
const INPUT_LIMIT_S = 10;
const CHECKS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const MAX_TEST_MS = 1_200_000;

const directory = mkdtempSync(join(tmpdir(), 'pmake-fuzz-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Debian has the runtime in libclang-rt-dev. */
const HAS_RUNTIME = ((): boolean => {
  const input = 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d && n ? 0 : 0; }';
  const words = ['-fsanitize=fuzzer,address,undefined', '-x', 'c', '-', '-o', join(directory, 'probe')];
  return spawnSync('clang', words, { input }).status === 0;
})();

const START = encodeRunnerStart({
  ...{ streams: PLAIN_STREAMS, inherited: encodeInherited(NOTHING_SET), environment: Buffer.from('A=1\0B=2\0') },
}).subarray(4);
const PLACE = encodePlace([
  { kind: 'move', from: '/nowhere/a', to: '/nowhere/b' },
  { kind: 'remove', path: '/nowhere/c' },
]);
const HARNESSES: readonly (readonly [string, readonly Buffer[]])[] = [
  ['frames', [PLACE, encodeOutput(1, Buffer.from('x')), encodeOutput(2, Buffer.alloc(0)), encodeNode('n2')]],
  ['start', [START]],
  ['words', [Buffer.from('-c\0a.c\0-Wl,-T,x.ld\0-specs=x\0@x'), Buffer.from(`-x${'=-x'.repeat(60)}`)]],
];

describe.skipIf(!HAS_RUNTIME)(`libFuzzer (PMAKE_TEST_SEED=${SEED}; needs clang with libclang-rt-dev)`, () => {
  it.each(HARNESSES)(
    '%s',
    (name, seeds) => {
      const [program, corpus] = [join(directory, name), join(directory, `${name}.corpus`)];
      mkdirSync(corpus);
      for (const [index, seed] of seeds.entries()) writeFileSync(join(corpus, String(index)), seed);
      const source = join(ROOT, `test/fuzz/${name}.c`);
      execFileSync('clang', ['-std=c99', '-O1', '-g', '-fsanitize=fuzzer', ...CHECKS, source, '-o', program]);
      const options = [`-runs=${RUNS}`, `-seed=${SEED}`, `-max_len=${MAX_INPUT_BYTES}`, `-timeout=${INPUT_LIMIT_S}`];
      const { status, stderr } = spawnSync(program, [...options, '-len_control=0', corpus], {
        cwd: directory,
        encoding: 'utf8',
        // A leak would be found at each of the million ends; of what runs once nothing is freed.
        env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' },
      });
      expect(status, stderr.slice(-4_000)).toBe(0);
    },
    MAX_TEST_MS,
  );
});

const TESTS = ['any-answer', ...(IS_WHOLE ? ['answers', 'request', 'place', 'runner', 'start', 'signals'] : [])];

describe.skipIf(!HAS_RUNTIME)('the programs with both sanitizers (needs clang with libclang-rt-dev)', () => {
  it(
    `pass the tests of ${TESTS.join(', ')}`,
    () => {
      const built = join(directory, 'shims');
      const words = ['-s', '-C', 'shims', 'STATIC=', `CC=clang -g ${CHECKS.join(' ')}`, `OUT=${built}`];
      execFileSync('make', [...words, ...['pcc', 'p++', 'prun', 'ppeer', 'pmake'].map((name) => join(built, name))], {
        cwd: ROOT,
      });
      expectPass(TESTS, { PMAKE_TEST_SHIMS: built });
    },
    MAX_TEST_MS,
  );
});

// The library is linked without a C library and loaded by any program, so no sanitizer's runtime is there: checks trap.
it.skipIf(!IS_WHOLE)(
  'the preload library passes its tests with UndefinedBehaviorSanitizer',
  () => {
    const built = join(directory, 'preload');
    mkdirSync(built);
    const CFLAGS = '-O1 -fsanitize=undefined -fsanitize-undefined-trap-on-error';
    execFileSync(join(ROOT, 'shims/build-preload'), [built], { env: { ...process.env, CC: 'gcc', CFLAGS } });
    expect(existsSync(join(built, 'pmake-preload.so'))).toBe(true);
    expectPass(['preload'], { PMAKE_TEST_PRELOAD: built });
  },
  MAX_TEST_MS,
);

/** Runs tests of this directory against other builds. */
function expectPass(tests: readonly string[], env: Readonly<Record<string, string>>): void {
  const { status, stdout } = spawnSync(
    join(ROOT, 'node_modules/.bin/vitest'),
    ['run', '--project', 'integration', ...tests.map((name) => `test/integration/shims/${name}.test.ts`)],
    { cwd: ROOT, encoding: 'utf8', env: { ...process.env, ...env } },
  );
  expect(status, stdout.slice(-4_000)).toBe(0);
}
