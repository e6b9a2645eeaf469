import { describe, expect, it } from 'vitest';
import { ALL_FAULTS } from './faults.ts';
import { live } from './life.ts';

/** `PMAKE_SEED=7` runs that life alone, `PMAKE_SEEDS=1000` the first thousand. */
const one = process.env.PMAKE_SEED;
const count = Number(process.env.PMAKE_SEEDS ?? 60);
const seeds = one === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(one)];

describe('a simulated cluster', () => {
  it.each(seeds)('keeps its promises through all faults, seed %i', (seed) => {
    const { jobs, faults } = live({ seed, faultsMs: 40_000, everyMs: 700, kinds: ALL_FAULTS });
    expect(jobs).toBeGreaterThan(0);
    expect(faults).toBeGreaterThan(10);
  });
});
