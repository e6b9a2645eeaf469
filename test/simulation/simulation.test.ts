import { afterAll, describe, expect, it } from 'vitest';
import { live, type LifeOptions, type LifeReport, longLife, shortLife } from './life.ts';

/** `PMAKE_SEED=7` runs that life alone, `PMAKE_SEEDS=10000` the first ten thousand. */
const one = process.env.PMAKE_SEED;
const count = Number(process.env.PMAKE_SEEDS ?? (process.env.PMAKE_TEST_ALL === '1' ? 20_000 : 1_000));
/** Lives in one test: each is over in milliseconds. A breach names its seed. */
const BATCH = 250;

function seedsTo(last: number): number[] {
  return one === undefined ? Array.from({ length: last }, (_, i) => i + 1) : [Number(one)];
}

function batches(seeds: readonly number[]): { first: number; last: number; seeds: readonly number[] }[] {
  return Array.from({ length: Math.ceil(seeds.length / BATCH) }, (_, index) => {
    const some = seeds.slice(index * BATCH, (index + 1) * BATCH);
    return { first: some[0] ?? 0, last: some.at(-1) ?? 0, seeds: some };
  });
}

describe('a simulated cluster', { timeout: 600_000 }, () => {
  const looks = { leader: 0, list: 0, waiting: 0, divided: 0, leases: 0 };

  function liveAndCount(options: LifeOptions): LifeReport {
    const report = live(options);
    for (const name of Object.keys(looks) as (keyof typeof looks)[]) looks[name] += report.looks[name];
    return report;
  }

  it.each(batches(seedsTo(count)))('keeps its promises through all faults, seeds $first to $last', ({ seeds }) => {
    const lives = seeds.map((seed) => liveAndCount(shortLife(seed)));
    const sum = (name: 'jobs' | 'faults') => lives.reduce((total, life) => total + life[name], 0);
    expect(sum('jobs')).toBeGreaterThan(10 * seeds.length);
    expect(sum('faults')).toBeGreaterThan(seeds.length);
  });

  it.each(batches(seedsTo(Math.ceil(count / 50))))('of more nodes, for longer, seeds $first to $last', ({ seeds }) => {
    for (const seed of seeds) expect(liveAndCount(longLife(seed)).jobs).toBeGreaterThan(0);
  });

  it.each(seedsTo(2))('lives through a year in which something breaks every other hour, seed %i', (seed) => {
    const faultsInAYear = (365 * 24) / 2;
    const everyMs = 250;
    const { faults } = live({ ...longLife(seed), nodes: 8, faultsMs: faultsInAYear * everyMs, everyMs });
    expect(faults).toBeGreaterThan(0.9 * faultsInAYear);
  });

  it.each(seedsTo(3))('of 200 nodes does too, seed %i', (seed) => {
    const { jobs } = liveAndCount({ ...longLife(seed), nodes: 200, faultsMs: 15_000, everyMs: 500 });
    expect(jobs).toBeGreaterThan(0);
  });

  afterAll(() => {
    // What is never looked at is never found.
    if (one === undefined) expect(Math.min(...Object.values(looks))).toBeGreaterThan(100);
  });
});
