/**
 * The `adaptive` policy: the marks are the learned idle load plus a margin ("room") that grows with
 * the cores. The paper names adaptive thresholds as its next step (PANTS, section 6) without a formula; this one is ours:
 *
 *     highMark     = min(baseline, room) + room          room = perCore × cores for rates, a fixed share for percentages
 *     lowMark      = min(baseline, room) + LOW × room
 *     evictionMark = min(baseline, room) + EVICT × room
 *
 * The baseline is capped at the room: a node that was never idle while it was watched must still become busy.
 * Pure: takes samples and returns rows.
 */
import type { LoadSample } from './load-sample.ts';
import type { Metric } from './metrics.ts';
import type { ThresholdRow } from './policy.ts';

const MIB = 1024 * 1024;

/** Room per core above the baseline before the node counts as busy. docs/load.md gives the reasons. */
const ROOM_PER_CORE: Readonly<Partial<Record<Metric, number>>> = {
  /** 20 MiB/s. */
  io: 40_000,
  switches: 20_000,
  paging: 1_000,
  interrupts: 20_000,
  /** Four cores fill a gigabit line in one direction. */
  network: 30_000_000,
};
/** Percentages refer to the whole machine. */
const CPU_ROOM = 40;
const IO_PRESSURE_ROOM = 40;
const MEMORY_PRESSURE_ROOM = 20;

const LOW_SHARE = 0.6;
/** Eviction at baseline + 80 % foreign CPU time, or baseline + 40 % memory pressure. */
const EVICT_SHARE = 2;
/** A CPU mark must be one that a fully loaded machine crosses, however high the baseline. */
const HIGHEST_CPU_MARK = 90;

/** Minimum free memory: 5 % of the total, but at least the size of one large compile and at most that of several. */
const MEMORY_SHARE = 0.05;
const MEMORY_LEAST_BYTES = 256 * MIB;
const MEMORY_MOST_BYTES = 2_048 * MIB;
/** For nodes so small that 256 MiB is most of their memory. */
const MEMORY_SMALL_NODE_SHARE = 0.15;
const MEMORY_LOW_FACTOR = 1.5;
const MEMORY_EVICT_FACTOR = 0.5;

/**
 * Time constants of the baseline. It falls quickly and rises slowly, because it estimates the idle level, not the mean.
 */
const SINK_MS = 30_000;
const RISE_MS = 300_000;

const LEARNED = ['cpu', 'io', 'switches', 'paging', 'interrupts', 'network', 'ioPressure', 'memoryPressure'] as const;
type Learned = (typeof LEARNED)[number];

/** The learned idle load, and the rows derived from it. */
export class Baseline {
  readonly #levels = new Map<Learned, number>();

  /** Learns from a sample during which no threshold was crossed. The baseline starts at zero and rises slowly. */
  learn(sample: LoadSample): void {
    for (const metric of LEARNED) {
      const value = sample.foreign[metric];
      if (value === undefined) continue;
      const level = this.level(metric);
      const weight = 1 - Math.exp(-sample.intervalMs / (value < level ? SINK_MS : RISE_MS));
      this.#levels.set(metric, level + weight * (value - level));
    }
  }

  level(metric: Learned): number {
    return this.#levels.get(metric) ?? 0;
  }

  /** The rows for a machine of the sample's size. CPU pressure has no row; docs/load.md says why. */
  rows({ cores, memoryTotalBytes }: Pick<LoadSample, 'cores' | 'memoryTotalBytes'>): ThresholdRow[] {
    const rates = (Object.entries(ROOM_PER_CORE) as [Learned, number][]).map(([metric, perCore]) =>
      this.#row(metric, perCore * cores),
    );
    const cpu = this.#row('cpu', CPU_ROOM);
    const memoryPressure = this.#row('memoryPressure', MEMORY_PRESSURE_ROOM);
    return [
      { ...cpu, evictionMark: Math.min(HIGHEST_CPU_MARK, cpu.highMark + (EVICT_SHARE - 1) * CPU_ROOM) },
      ...rates,
      this.#row('ioPressure', IO_PRESSURE_ROOM),
      {
        ...memoryPressure,
        evictionMark: memoryPressure.highMark + (EVICT_SHARE - 1) * MEMORY_PRESSURE_ROOM,
      },
      ...memoryRows(memoryTotalBytes),
    ];
  }

  #row(metric: Learned, room: number): ThresholdRow {
    const base = Math.min(this.level(metric), room);
    return { metric, highMark: base + room, lowMark: base + LOW_SHARE * room, judges: 'foreign' };
  }
}

/** Empty if the size of the memory is unknown. */
function memoryRows(totalBytes: number): ThresholdRow[] {
  if (totalBytes === 0) return [];
  const least = Math.min(MEMORY_LEAST_BYTES, MEMORY_SMALL_NODE_SHARE * totalBytes);
  const highMark = Math.min(MEMORY_MOST_BYTES, Math.max(least, MEMORY_SHARE * totalBytes));
  return [
    {
      metric: 'freeMemory',
      highMark,
      lowMark: MEMORY_LOW_FACTOR * highMark,
      // A compile that does not fit in memory does not fit, no matter which process uses the memory.
      judges: 'total',
      evictionMark: MEMORY_EVICT_FACTOR * highMark,
    },
  ];
}
