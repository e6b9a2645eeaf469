/**
 * What a node would make of a command, against what the compiler makes of it here: every file, both streams, the
 * status. PMAKE_IDENTITY_GCC and PMAKE_IDENTITY_CLANG say how many cases, PMAKE_IDENTITY_SEED where they begin.
 */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PathsMode } from '../../../src/command/plan.ts';
import { makeCase, type Case } from './command-line.ts';
import { isDeterministic, runCase } from './run-case.ts';
import { describeCase, shrink } from './shrink.ts';

/** `scripts/test --all`: as many as a night has time for. */
const IS_NIGHT = process.env.PMAKE_TEST_ALL === '1';
const FIRST_SEED = Number(process.env.PMAKE_IDENTITY_SEED ?? 1);
/** A case takes 30 to 300 ms: two compiles, and more on a busy machine. */
const MAX_MS_PER_CASE = 2_000;
/** Two at a time: the machine has other work. */
const WORKERS = 2;

interface Tally {
  /** Planned for a node: with outputs under other names, with names of inputs made absolute. */
  leaving: number;
  staged: number;
  rewritten: number;
  local: Record<string, number>;
  /** Cases that the compiler itself does not do the same twice. */
  random: number;
  failures: string[];
}

async function runCases(flavour: 'gcc' | 'clang', paths: PathsMode, count: number): Promise<Tally> {
  const tally: Tally = { leaving: 0, staged: 0, rewritten: 0, local: {}, random: 0, failures: [] };
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'pmake-identity-')));
  let next = FIRST_SEED;
  const work = async (worker: number): Promise<void> => {
    const root = join(directory, String(worker));
    while (next < FIRST_SEED + count) {
      const seed = next;
      next += 1;
      await runOne(root, makeCase(seed, flavour), paths, tally);
    }
  };
  try {
    await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return tally;
}

async function runOne(root: string, one: Case, paths: PathsMode, tally: Tally): Promise<void> {
  const { plan, differences, isRewritten } = await runCase(root, one, paths);
  if (plan.kind === 'local') tally.local[plan.reason] = (tally.local[plan.reason] ?? 0) + 1;
  else {
    tally.leaving += 1;
    if (plan.keepsOutputs === undefined) tally.staged += 1;
  }
  if (isRewritten) tally.rewritten += 1;
  if (differences.length === 0) return;
  if (!(await isDeterministic(root, one))) {
    tally.random += 1;
    return;
  }
  const small = await shrink(one, async (candidate) => (await runCase(root, candidate, paths)).differences.length > 0);
  const shrunk = await runCase(root, small, paths);
  tally.failures.push(`${describeCase(small)}\n${shrunk.differences.join('\n')}`);
}

const GCC_CASES = Number(process.env.PMAKE_IDENTITY_GCC ?? (IS_NIGHT ? 2_000 : 140));
const CLANG_CASES = Number(process.env.PMAKE_IDENTITY_CLANG ?? (IS_NIGHT ? 1_000 : 60));

describe.each([
  { flavour: 'gcc' as const, paths: 'auto' as const, count: GCC_CASES },
  { flavour: 'clang' as const, paths: 'auto' as const, count: CLANG_CASES },
  // Clang's names are never made absolute.
  { flavour: 'gcc' as const, paths: 'absolute' as const, count: Math.ceil(GCC_CASES / 2) },
])('$flavour', ({ flavour, paths, count }) => {
  it(
    `gives the same with planned words, PMAKE_PATHS=${paths}, ${count} times`,
    async () => {
      const tally = await runCases(flavour, paths, count);
      if (process.env.PMAKE_IDENTITY_TALLY) console.log(JSON.stringify({ ...tally, failures: tally.failures.length }));
      expect(tally.failures.join('\n\n')).toBe('');
      expect(tally.random).toBeLessThan(count / 20);
      // A planner that sends nothing away, or as it is, would be identical as well.
      expect(tally.leaving).toBeGreaterThan(count / 2);
      expect(tally.staged).toBeGreaterThan(count / 3);
      if (paths === 'absolute') expect(tally.rewritten).toBeGreaterThan(count / 5);
    },
    count * MAX_MS_PER_CASE + 20_000,
  );
});
