import { describe, expect, it } from 'vitest';
import {
  AvailabilityMonitor,
  BUSY_AFTER_MS,
  CALM_MS,
  EVICT_AFTER_MS,
  type AvailabilityChange,
} from '../../src/load/availability.ts';
import { isOver, METRICS, type Metric, type Rates } from '../../src/load/metrics.ts';
import { DEFAULT_POLICY, parsePolicy, type Policy, type ThresholdRow } from '../../src/load/policy.ts';
import { seededRandom } from '../broker/seeded-random.ts';
import { makeSample, type SampleOptions } from './make-sample.ts';

function policy(value: unknown): Policy {
  const parsed = parsePolicy(value);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.failure));
  return parsed.value;
}

const CPU_50: ThresholdRow = { metric: 'cpu', highMark: 50, lowMark: 30, judges: 'foreign' };

/** One sample a second with these CPU percentages; a row a sample: `second: change`. */
function trace(monitor: AvailabilityMonitor, values: readonly number[], options?: SampleOptions): string[] {
  return values.flatMap((cpu, index) =>
    monitor.observe(makeSample((index + 1) * 1_000, { cpu }, options)).map((each) => `${index + 1}: ${told(each)}`),
  );
}

function told(change: AvailabilityChange): string {
  return 'by' in change ? `${change.kind} by ${change.by.metric}` : change.kind;
}

const repeat = (value: number, times: number): number[] => new Array<number>(times).fill(value);

describe('a threshold', () => {
  const table: readonly { name: string; cpu: readonly number[]; changes: readonly string[] }[] = [
    { name: 'takes the mark itself for not over', cpu: repeat(50, 20), changes: [] },
    { name: 'does not mind a single second', cpu: [90, 10, 90, 40, 90, 10], changes: [] },
    { name: 'is crossed by two seconds', cpu: [10, 51, 51, 10], changes: ['3: became-busy by cpu'] },
    {
      name: 'lets go after five calm seconds, the low mark being calm',
      cpu: [99, 99, ...repeat(30, 5)],
      changes: ['2: became-busy by cpu', '7: became-available'],
    },
    {
      name: 'holds while the load is between the marks',
      cpu: [99, 99, ...repeat(31, 60)],
      changes: ['2: became-busy by cpu'],
    },
    {
      name: 'starts to count the calm again after each disturbance',
      cpu: [99, 99, 10, 10, 10, 10, 40, 10, 10, 10, 10, 10],
      changes: ['2: became-busy by cpu', '12: became-available'],
    },
  ];
  for (const { name, cpu, changes } of table) {
    it(name, () => {
      expect(trace(new AvailabilityMonitor({ preset: undefined, rows: [CPU_50] }), cpu)).toEqual(changes);
    });
  }

  it('is judged in one look at the paper’s interval', () => {
    const monitor = new AvailabilityMonitor(policy('cpu-only'));
    const changes = [10, 96, 10].flatMap((cpu, index) =>
      monitor.observe(makeSample(index * 5_000, { cpu }, { intervalMs: 4_999 })).map(told),
    );
    expect(changes).toEqual(['became-busy by cpu', 'became-available']);
  });

  it('does not see our own jobs when it judges foreign load only', () => {
    const [idle, busy] = [{ cpu: 3 }, { cpu: 100 }];
    const foreign = new AvailabilityMonitor({ preset: undefined, rows: [CPU_50] });
    expect(trace(foreign, repeat(idle.cpu, 30), { total: busy })).toEqual([]);
    const paper = new AvailabilityMonitor(policy('cpu-only'));
    expect(trace(paper, repeat(idle.cpu, 30), { total: busy })).toEqual(['2: became-busy by cpu']);
  });

  it('does not count while a worker is on its way here, unless it judges all load', () => {
    const [foreign, total] = (['foreign', 'total'] as const).map(
      (judges) => new AvailabilityMonitor({ preset: undefined, rows: [{ ...CPU_50, judges, evictionMark: 60 }] }),
    );
    const observe = (monitor: AvailabilityMonitor | undefined, second: number, isArriving: boolean) =>
      monitor?.observe(makeSample(second * 1_000, { cpu: 99 }), isArriving).map(told);
    for (let second = 1; second <= 20; second += 1) expect(observe(foreign, second, true)).toEqual([]);
    expect(observe(foreign, 21, false)).toEqual([]);
    expect(observe(foreign, 22, false)).toEqual(['became-busy by cpu']);
    expect([1, 2].map((second) => observe(total, second, true))).toEqual([[], ['became-busy by cpu']]);
  });

  it('is crossed downwards by free memory', () => {
    const row: ThresholdRow = { metric: 'freeMemory', highMark: 1e9, lowMark: 2e9, judges: 'total' };
    const monitor = new AvailabilityMonitor({ preset: undefined, rows: [row] });
    const kinds = [3e9, 0.5e9, 0.5e9, 1.5e9, ...repeat(2.5e9, 5)].flatMap((freeMemory, index) =>
      monitor.observe(makeSample(index * 1_000, { freeMemory })).map((each) => `${index}: ${told(each)}`),
    );
    expect(kinds).toEqual(['2: became-busy by freeMemory', '8: became-available']);
  });

  it('names the metric, the value and the mark', () => {
    const monitor = new AvailabilityMonitor(policy('pants-2002'));
    for (const atMs of [1_000, 2_000]) monitor.observe(makeSample(atMs, { cpu: 90, io: 1_200 }));
    expect(monitor.availability).toEqual({ kind: 'busy', by: { metric: 'io', value: 1_200, mark: 1_000 } });
  });

  it('lets a metric go that the kernel no longer tells', () => {
    const row: ThresholdRow = { metric: 'ioPressure', highMark: 10, lowMark: 5, judges: 'total' };
    const monitor = new AvailabilityMonitor({ preset: undefined, rows: [row] });
    for (const atMs of [1_000, 2_000]) monitor.observe(makeSample(atMs, { ioPressure: 50 }));
    expect(monitor.availability.kind).toBe('busy');
    const { cpu = 0, io = 0 } = makeSample(0, {}).total;
    const rates = { cpu, io };
    for (let second = 3; second < 8; second++) {
      monitor.observe({ ...makeSample(second * 1_000, {}), total: rates, foreign: rates });
    }
    expect(monitor.availability.kind).toBe('available');
  });
});

describe('a change of policy', () => {
  it('judges by the new marks from the next sample on, and forgets a metric that is no longer judged', () => {
    const monitor = new AvailabilityMonitor({ preset: undefined, rows: [CPU_50] });
    trace(monitor, [99, 99]);
    expect(monitor.availability.kind).toBe('busy');
    monitor.setPolicy(policy({ rows: [{ metric: 'io', highMark: 10 }] }));
    expect(monitor.observe(makeSample(3_000, { cpu: 99 })).map(told)).toEqual(['became-available']);
    expect(monitor.rows.map((row) => row.metric)).toEqual(['io']);
  });
});

describe('eviction', () => {
  const monitor = () => new AvailabilityMonitor({ preset: undefined, rows: [{ ...CPU_50, evictionMark: 80 }] });

  it('comes after ten seconds over its mark, and ends with the first sample that is not', () => {
    expect(trace(monitor(), [...repeat(81, 12), 80, 81])).toEqual([
      '2: became-busy by cpu',
      '10: evict by cpu',
      '13: evict-over',
    ]);
  });
  it('does not come for less', () => {
    expect(trace(monitor(), [...repeat(81, 9), 79, ...repeat(81, 9)])).toEqual(['2: became-busy by cpu']);
  });
  it('does not come from our own jobs', () => {
    expect(trace(monitor(), repeat(5, 60), { total: { cpu: 100 } })).toEqual([]);
  });
});

describe('on random traces', () => {
  const WILD: Readonly<Record<Metric, number>> = {
    cpu: 100,
    io: 400_000,
    switches: 200_000,
    paging: 10_000,
    interrupts: 250_000,
    network: 3e8,
    freeMemory: 2e9,
    cpuPressure: 100,
    ioPressure: 100,
    memoryPressure: 60,
  };
  const policies = [DEFAULT_POLICY, policy('pants-2002'), policy({ preset: 'adaptive', rows: [CPU_50] })];

  it('a node is busy only by a metric over its mark, does not flap, and its jobs leave only for cause', () => {
    const counts = { busy: 0, available: 0, evict: 0 };
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      const monitor = new AvailabilityMonitor(policies[seed % policies.length] ?? DEFAULT_POLICY);
      // Moods of some length, or nothing would ever be over a mark for ten seconds.
      let mood: Rates = {};
      let atMs = 0;
      let evicting = false;
      const lastMs = new Map<string, number>();
      const lastOverMs = new Map<Metric, number>();
      let overSince = new Map<Metric, number>();
      let busyBy: Metric = 'cpu';
      for (let step = 0; step < 200; step++) {
        const intervalMs = 900 + Math.floor(random() * 200);
        const startMs = atMs;
        atMs += intervalMs;
        if (random() < 0.1) {
          mood = Object.fromEntries(METRICS.map((metric) => [metric, WILD[metric] * random() ** 3]));
          if (random() < 0.5) mood = { ...mood, freeMemory: 9e9 };
          if (random() < 0.3) mood = {};
        }
        const noisy = Object.entries(mood).map(([metric, value]) => [metric, value * (0.8 + 0.4 * random())]);
        const sample = makeSample(atMs, Object.fromEntries(noisy) as Rates, { intervalMs });
        const changes = monitor.observe(sample);
        const note = `seed ${seed}, step ${step}`;

        const over = new Map<Metric, number>();
        for (const row of monitor.rows) {
          const value = sample[row.judges][row.metric];
          if (value === undefined || !isOver(row.metric, value, row.lowMark)) continue;
          over.set(row.metric, overSince.get(row.metric) ?? startMs);
          lastOverMs.set(row.metric, atMs);
        }
        overSince = over;
        if (monitor.availability.kind === 'busy') {
          const { metric, value, mark } = monitor.availability.by;
          expect(isOver(metric, value, mark), note).toBe(true);
          // It holds no longer than it must.
          expect(atMs - (lastOverMs.get(metric) ?? -Infinity), note).toBeLessThan(CALM_MS);
          busyBy = metric;
        }
        for (const change of changes) {
          if (change.kind === 'became-busy') {
            counts.busy++;
            const { metric, value, mark } = change.by;
            expect(isOver(metric, value, mark), note).toBe(true);
            expect(sample.foreign[metric], note).toBe(value);
            expect(atMs - (over.get(metric) ?? atMs), note).toBeGreaterThanOrEqual(BUSY_AFTER_MS);
          }
          if (change.kind === 'became-available') {
            counts.available++;
            // And no shorter: the interval of the first calm sample begins where that of the last other one ended.
            expect(atMs - (lastOverMs.get(busyBy) ?? atMs), note).toBeGreaterThanOrEqual(CALM_MS);
          }
          if (change.kind === 'evict') {
            counts.evict++;
            evicting = true;
            expect(monitor.availability.kind, note).toBe('busy');
            expect(atMs - (over.get(change.by.metric) ?? atMs), note).toBeGreaterThanOrEqual(EVICT_AFTER_MS);
          }
          if (change.kind === 'evict-over') evicting = false;
          expect(atMs - (lastMs.get(change.kind) ?? -Infinity), note).toBeGreaterThanOrEqual(
            change.kind.startsWith('became') ? CALM_MS : 0,
          );
          lastMs.set(change.kind, atMs);
        }
        expect(monitor.evictingBy !== undefined, note).toBe(evicting);
      }
      for (let calm = 0; calm < 8; calm++) monitor.observe(makeSample((atMs += 1_000), {}));
      expect(monitor.availability.kind, `seed ${seed}`).toBe('available');
    }
    // The traces did exercise it.
    expect(Math.min(counts.busy, counts.available, counts.evict)).toBeGreaterThan(20);
  });
});
