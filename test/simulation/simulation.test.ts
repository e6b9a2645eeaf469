import { describe, expect, it } from 'vitest';
import { ALL_FAULTS } from './faults.ts';
import { live } from './life.ts';

/** `PMAKE_SEED=7` runs that life alone, `PMAKE_SEEDS=1000` the first thousand. */
const one = process.env.PMAKE_SEED;
const count = Number(process.env.PMAKE_SEEDS ?? 50);
const seeds = one === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(one)];

describe('a simulated cluster', { timeout: 120_000 }, () => {
  it.each(seeds)('keeps its promises through all faults, seed %i', (seed) => {
    const { jobs, faults } = live({ seed, faultsMs: 40_000, everyMs: 700, kinds: ALL_FAULTS });
    expect(jobs).toBeGreaterThan(0);
    expect(faults).toBeGreaterThan(10);
  });

  it.each(seeds.slice(0, 2))('lives through a year in which something breaks every other hour, seed %i', (seed) => {
    const faultsInAYear = (365 * 24) / 2;
    const everyMs = 250;
    const { faults } = live({ seed, nodes: 8, faultsMs: faultsInAYear * everyMs, everyMs, kinds: ALL_FAULTS });
    expect(faults).toBeGreaterThan(0.9 * faultsInAYear);
  });

  it('of 200 nodes does too', () => {
    const { jobs } = live({ seed: 77, nodes: 200, faultsMs: 15_000, everyMs: 500, kinds: ALL_FAULTS });
    expect(jobs).toBeGreaterThan(0);
  });
});
