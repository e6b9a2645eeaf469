/**
 * The `adaptive` policy: what this node does when idle is learned, and the marks stand above that by room that grows with
 * its cores. The paper names adaptive thresholds as its next step (PANTS, section 6) without a formula; this one is ours:
 *
 *     highMark     = min(baseline, room) + room          room = perCore × cores for rates, a fixed share for percentages
 *     lowMark      = min(baseline, room) + LOW × room
 *     evictionMark = min(baseline, room) + EVICT × room
 *
 * A baseline counts only up to the room itself: a node that was never idle while it was watched must still become busy.
 * Pure; a sample in, rows out.
 */
import type { LoadSample } from './load-sample.ts';
import type { Metric } from './metrics.ts';
import type { ThresholdRow } from './policy.ts';

const MIB = 1024 * 1024;

/** The room above the baseline, for each core, until the node counts as busy. Reasons stand in docs/load.md. */
const ROOM_PER_CORE: Readonly<Partial<Record<Metric, number>>> = {
  /** 20 MiB/s. */
  io: 40_000,
  switches: 20_000,
  paging: 1_000,
  interrupts: 20_000,
  /** Four cores: a gigabit line filled one way. */
  network: 30_000_000,
};
/** Percentages are of the whole machine already. */
const CPU_ROOM = 40;
const IO_PRESSURE_ROOM = 40;
const MEMORY_PRESSURE_ROOM = 20;

const LOW_SHARE = 0.6;
/** Foreign CPU time over baseline + 80 %, memory pressure over baseline + 40 %. */
const EVICT_SHARE = 2;
/** However high the baseline, a CPU mark must be one that a full machine crosses. */
const HIGHEST_CPU_MARK = 90;

/** Free memory: a twentieth of it all, but what one large compile takes at least and what several take at most. */
const MEMORY_SHARE = 0.05;
const MEMORY_LEAST_BYTES = 256 * MIB;
const MEMORY_MOST_BYTES = 2_048 * MIB;
/** On a node so small that 256 MiB is most of it. */
const MEMORY_SMALL_NODE_SHARE = 0.15;
const MEMORY_LOW_FACTOR = 1.5;
const MEMORY_EVICT_FACTOR = 0.5;

/** The baseline sinks within half a minute and rises within five: it is to be the idle level, not the mean. */
const SINK_MS = 30_000;
const RISE_MS = 300_000;

const LEARNED = ['cpu', 'io', 'switches', 'paging', 'interrupts', 'network', 'ioPressure', 'memoryPressure'] as const;
type Learned = (typeof LEARNED)[number];

export class Baseline {
  readonly #levels = new Map<Learned, number>();

  /** Takes in a sample of a time when no threshold was crossed. Starts from nothing and rises slowly. */
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

  /** The rows for a machine like the one the sample was taken on. CPU pressure has none: docs/load.md says why. */
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

/** None when the node does not tell how much memory it has. */
function memoryRows(totalBytes: number): ThresholdRow[] {
  if (totalBytes === 0) return [];
  const least = Math.min(MEMORY_LEAST_BYTES, MEMORY_SMALL_NODE_SHARE * totalBytes);
  const highMark = Math.min(MEMORY_MOST_BYTES, Math.max(least, MEMORY_SHARE * totalBytes));
  return [
    {
      metric: 'freeMemory',
      highMark,
      lowMark: MEMORY_LOW_FACTOR * highMark,
      // A compile that does not fit does not fit whoever took the memory.
      judges: 'total',
      evictionMark: MEMORY_EVICT_FACTOR * highMark,
    },
  ];
}
