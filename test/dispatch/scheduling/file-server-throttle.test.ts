/** Throttling by the file server's waits; file-server-watch.ts is what samples them. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../broker/seeded-random.ts';
import { BackPressure, type ServerSample } from '../../../src/dispatch/scheduling/file-server-throttle.ts';

const QUIET: ServerSample = { requests: 0, waitedMs: 0, settled: 0, visibleWaitMs: 0, inFlight: 32 };
const GOOD: ServerSample = { ...QUIET, requests: 1_000, waitedMs: 1_000, settled: 20, visibleWaitMs: 100 };
const SLOW: ServerSample = { ...GOOD, waitedMs: 200_000 };

function limitAfter(...samples: readonly ServerSample[]): number {
  const pressure = new BackPressure();
  for (const sample of samples) pressure.observe(sample);
  return pressure.limit;
}

describe('fewer jobs go out', () => {
  it.each<[string, number, readonly ServerSample[]]>([
    ['when requests take long', 21, [GOOD, SLOW]],
    ['and fewer still when that does not help', 9, [GOOD, SLOW, { ...SLOW, inFlight: 21 }, { ...SLOW, inFlight: 14 }]],
    ['but never so few that nothing is learned', 2, [GOOD, ...Array.from({ length: 20 }, () => SLOW)]],
    ['when outputs take long to show, whatever requests take', 21, [GOOD, { ...GOOD, visibleWaitMs: 40_000 }]],
    [
      'when the server had stopped, and answers the first of them',
      21,
      [GOOD, { ...QUIET, requests: 2, waitedMs: 40_000 }],
    ],
    ['of those that are out, not of those that might be', 4, [GOOD, { ...SLOW, inFlight: 6 }]],
  ])('%s', (_, limit, samples) => {
    expect(limitAfter(...samples)).toBe(limit);
  });
});

describe('as many as there are slots', () => {
  it.each<[string, readonly ServerSample[]]>([
    ['while all is well', [GOOD, GOOD, QUIET]],
    [
      'where a server far away is as slow as ever',
      [
        { ...GOOD, waitedMs: 25_000 },
        { ...GOOD, waitedMs: 29_000 },
      ],
    ],
    ['where a few requests took long', [GOOD, { ...SLOW, requests: 3, waitedMs: 3_000 }]],
    ['again, a step at a time, once all is well', [GOOD, SLOW, ...Array.from({ length: 7 }, () => GOOD)]],
  ])('%s', (_, samples) => {
    expect(limitAfter(...samples)).toBe(Number.POSITIVE_INFINITY);
  });
});

/**
 * A server that answers `capacity` requests a second, ten per job: when it is behind, answers take longer and longer.
 */
it('settles near what a server can bear (seeded)', () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const random = seededRandom(seed);
    const bearable = 4 + Math.floor(random() * 40);
    const pressure = new BackPressure();
    let jobs = 0;
    for (let second = 0; second < 300; second += 1) {
      const wanted = second < 5 ? 4 : 64;
      jobs = Math.min(wanted, pressure.limit);
      const meanMs = jobs <= bearable ? 1 + random() : 100 * (jobs / bearable);
      pressure.observe({ ...QUIET, requests: 10 * jobs, waitedMs: 10 * jobs * meanMs, inFlight: jobs });
      expect(pressure.limit).toBeGreaterThanOrEqual(2);
    }
    expect(pressure.limit, `seed ${seed}`).toBeLessThanOrEqual(64);
    expect(pressure.limit, `seed ${seed}`).toBeGreaterThanOrEqual(Math.floor(bearable * 0.6));
  }
});
