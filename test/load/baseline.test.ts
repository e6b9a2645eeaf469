import { describe, expect, it } from 'vitest';
import { AvailabilityMonitor } from '../../src/load/availability.ts';
import { Baseline } from '../../src/load/baseline.ts';
import { isOver, type Metric, type Rates } from '../../src/load/metrics.ts';
import { DEFAULT_POLICY, type ThresholdRow } from '../../src/load/policy.ts';
import { makeSample } from './make-sample.ts';

const MIB = 1024 * 1024;

function row(rows: readonly ThresholdRow[], metric: Metric): ThresholdRow {
  const found = rows.find((each) => each.metric === metric);
  if (!found) throw new Error(`no row for ${metric}`);
  return found;
}

function learn(baseline: Baseline, seconds: number, rates: Rates): void {
  for (let second = 1; second <= seconds; second++) baseline.learn(makeSample(second * 1_000, rates));
}

describe('adaptive marks', () => {
  const node = { cores: 4, memoryTotalBytes: 16e9 };

  it('stand one room above nothing at first, and grow with the cores', () => {
    const marks = (cores: number) => new Baseline().rows({ cores, memoryTotalBytes: 16e9 });
    expect(row(marks(1), 'switches').highMark).toBe(20_000);
    expect(row(marks(64), 'switches').highMark).toBe(64 * 20_000);
    expect(row(marks(4), 'io')).toEqual({ metric: 'io', highMark: 160_000, lowMark: 96_000, judges: 'foreign' });
    expect(row(marks(4), 'cpu')).toEqual({
      metric: 'cpu',
      highMark: 40,
      lowMark: 24,
      judges: 'foreign',
      evictionMark: 80,
    });
    expect(row(marks(64), 'cpu')).toEqual(row(marks(1), 'cpu'));
  });

  it('rise by what the machine does when idle', () => {
    const baseline = new Baseline();
    learn(baseline, 3_600, { switches: 9_000, cpu: 5 });
    const rows = baseline.rows(node);
    expect(row(rows, 'switches').highMark).toBeCloseTo(89_000, -1);
    expect(row(rows, 'cpu').highMark).toBeCloseTo(45, 1);
  });

  it('follow the idle level, not the mean', () => {
    const baseline = new Baseline();
    for (let minute = 0; minute < 60; minute++) {
      learn(baseline, 40, { switches: 1_000 });
      learn(baseline, 20, { switches: 30_000 });
    }
    learn(baseline, 40, { switches: 1_000 });
    expect(baseline.level('switches')).toBeLessThan(3_000);
  });

  it('rise by a room at most, so that a machine which was never idle is busy all the same', () => {
    const baseline = new Baseline();
    learn(baseline, 36_000, { cpu: 100, switches: 1e9 });
    const rows = baseline.rows(node);
    expect(row(rows, 'switches').highMark).toBe(160_000);
    expect(row(rows, 'cpu')).toMatchObject({ highMark: 80, evictionMark: 90 });
  });

  it('are in order for every level', () => {
    for (let level = 0; level <= 100; level += 5) {
      const baseline = new Baseline();
      learn(baseline, 3_600, { cpu: level, memoryPressure: level, io: level * 1e4, ioPressure: level });
      for (const each of baseline.rows(node)) {
        expect(isOver(each.metric, each.lowMark, each.highMark)).toBe(false);
        expect(each.evictionMark !== undefined && isOver(each.metric, each.highMark, each.evictionMark)).toBe(false);
      }
    }
  });

  const memory: readonly (readonly [string, number, number | undefined])[] = [
    ['a node of 256 MiB: 15 %', 256 * MIB, 0.15 * 256 * MIB],
    ['2 GiB: 256 MiB', 2_048 * MIB, 256 * MIB],
    ['16 GiB: 5 %', 16_384 * MIB, 0.05 * 16_384 * MIB],
    ['1 TiB: 2 GiB', 1_048_576 * MIB, 2_048 * MIB],
    ['no figure: no row', 0, undefined],
  ];
  for (const [name, memoryTotalBytes, mark] of memory) {
    it(`for free memory with ${name}`, () => {
      const rows = new Baseline().rows({ cores: 1, memoryTotalBytes });
      expect(rows.find((each) => each.metric === 'freeMemory')?.highMark).toBe(mark);
    });
  }
});

describe('a node under the adaptive policy', () => {
  it('learns nothing while it is busy', () => {
    const monitor = new AvailabilityMonitor(DEFAULT_POLICY);
    for (let second = 1; second <= 600; second++) monitor.observe(makeSample(second * 1_000, { switches: 200_000 }));
    const { availability } = monitor;
    expect(availability.kind === 'busy' && availability.by.metric).toBe('switches');
    expect(row(monitor.rows, 'switches').highMark).toBeLessThan(82_000);
  });

  it('stays available through a kernel build of its own jobs, where the paper’s marks do not', () => {
    const build = { cpu: 100, io: 90_000, switches: 45_000, paging: 6_000, interrupts: 130_000, cpuPressure: 90 };
    for (const [policy, kind] of [
      [DEFAULT_POLICY, 'available'],
      [{ preset: 'pants-2002', rows: [] }, 'busy'],
    ] as const) {
      const monitor = new AvailabilityMonitor(policy);
      for (let second = 1; second <= 300; second++) {
        monitor.observe(makeSample(second * 1_000, { cpu: 4, switches: 1_800, io: 900 }, { total: build }));
      }
      expect(monitor.availability.kind).toBe(kind);
    }
  });
});
