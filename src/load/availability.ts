/**
 * Turns load samples into available or busy, with the metric responsible, and decides when jobs must be evicted for the
 * owner. Pure: its only clock is the samples' timestamps.
 *
 * Each metric is a trigger: set when it stays over its high mark for BUSY_AFTER_MS, released after CALM_MS without a
 * sample over its low mark. The node is busy while any trigger is set. It therefore changes state at most once per
 * CALM_MS.
 */
import { Baseline } from './baseline.ts';
import type { LoadSample } from './load-sample.ts';
import { isOver, type Metric } from './metrics.ts';
import { FIXED_PRESETS, withRows, type Policy, type ThresholdRow } from './policy.ts';

/**
 * Two samples at one-second intervals, or one of the paper's: a worker's start or a cron job does not count as load
 * yet.
 */
export const BUSY_AFTER_MS = 1_500;
/** The paper's sampling interval of 5 s, minus timer jitter, so that one calm sample suffices at that interval. */
export const CALM_MS = 4_500;
/** How long foreign load must stay over an eviction mark before jobs are evicted. */
export const EVICT_AFTER_MS = 10_000;

/** A metric that is beyond a mark of its row. */
export interface Crossing {
  readonly metric: Metric;
  readonly value: number;
  readonly mark: number;
}

/** The state of a node, as judged by its load. */
export type Availability =
  | { readonly kind: 'available' }
  /** The first of the set triggers, with its value when it was set. */
  | { readonly kind: 'busy'; readonly by: Crossing };

/** A change of state. */
export type AvailabilityChange =
  | { readonly kind: 'became-busy'; readonly by: Crossing }
  | { readonly kind: 'became-available' }
  /** Foreign load has been over an eviction mark for EVICT_AFTER_MS: evict jobs until `evict-over`. */
  | { readonly kind: 'evict'; readonly by: Crossing }
  | { readonly kind: 'evict-over' };

interface Trigger {
  /** The crossing that set it; undefined while it is not set. */
  setBy: Crossing | undefined;
  /** Start of the period in which every sample was over the high mark. */
  overSinceMs: number | undefined;
  /** Start of the period in which no sample was over the low mark. */
  calmSinceMs: number | undefined;
  /** Start of the period in which every sample was over the eviction mark. */
  evictSinceMs: number | undefined;
}

const UNSET: Trigger = {
  setBy: undefined,
  overSinceMs: undefined,
  calmSinceMs: undefined,
  evictSinceMs: undefined,
};

/** Judges a node's load samples against a policy. */
export class AvailabilityMonitor {
  #policy: Policy;
  readonly #baseline = new Baseline();
  readonly #triggers = new Map<Metric, Trigger>();
  #rows: readonly ThresholdRow[] = [];
  #availability: Availability = { kind: 'available' };
  #evictingBy: Crossing | undefined;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  get availability(): Availability {
    return this.#availability;
  }

  /** The crossing for which jobs are being evicted, if any. */
  get evictingBy(): Crossing | undefined {
    return this.#evictingBy;
  }

  /** The rows that the last sample was compared with, for display. */
  get rows(): readonly ThresholdRow[] {
    return this.#rows;
  }

  /** Applies another policy from the next sample on. The learned baseline is kept. */
  setPolicy(policy: Policy): void {
    this.#policy = policy;
  }

  /**
   * Takes the next sample and returns the resulting changes.
   * @param isArriving - a worker is arriving: load that looks foreign may be its own, and must not make the node busy
   */
  observe(sample: LoadSample, isArriving = false): AvailabilityChange[] {
    this.#rows = this.#currentRows(sample);
    // Delete the trigger of a removed row, or the node would stay busy forever.
    for (const metric of [...this.#triggers.keys()]) {
      if (!this.#rows.some((row) => row.metric === metric)) this.#triggers.delete(metric);
    }
    let evictBy: Crossing | undefined;
    for (const row of this.#rows) {
      evictBy = this.#judge(row, sample, isArriving && row.judges === 'foreign') ?? evictBy;
    }
    const changes = [...this.#settleAvailability(), ...this.#settleEviction(evictBy)];
    if (this.#availability.kind === 'available' && !isArriving) this.#baseline.learn(sample);
    return changes;
  }

  #currentRows(sample: LoadSample): ThresholdRow[] {
    const { preset, rows } = this.#policy;
    if (preset === undefined) return [...rows];
    return withRows(preset === 'adaptive' ? this.#baseline.rows(sample) : FIXED_PRESETS[preset], rows);
  }

  /** Advances the row's trigger; returns the crossing if it calls for eviction. */
  #judge(row: ThresholdRow, sample: LoadSample, isDoubtful: boolean): Crossing | undefined {
    const { metric, highMark, lowMark, evictionMark } = row;
    const trigger = this.#triggers.get(metric) ?? { ...UNSET };
    this.#triggers.set(metric, trigger);
    const value = sample[row.judges][metric];
    // An unknown value counts as not over: a node must not be busy forever because a file disappeared.
    const isBeyond = (mark: number | undefined): boolean =>
      value !== undefined && mark !== undefined && isOver(metric, value, mark);
    const crossing = (mark: number): Crossing => ({ metric, value: value ?? 0, mark });
    const startMs = sample.monotonicMs - sample.intervalMs;
    const isFor = (sinceMs: number | undefined, leastMs: number): boolean =>
      sinceMs !== undefined && sample.monotonicMs - sinceMs >= leastMs;

    trigger.overSinceMs = heldSince(!isDoubtful && isBeyond(highMark), trigger.overSinceMs, startMs);
    trigger.calmSinceMs = heldSince(!isBeyond(lowMark), trigger.calmSinceMs, startMs);
    trigger.evictSinceMs = heldSince(!isDoubtful && isBeyond(evictionMark), trigger.evictSinceMs, startMs);
    if (isFor(trigger.overSinceMs, BUSY_AFTER_MS)) trigger.setBy ??= crossing(highMark);
    if (isFor(trigger.calmSinceMs, CALM_MS)) trigger.setBy = undefined;
    return isFor(trigger.evictSinceMs, EVICT_AFTER_MS) ? crossing(evictionMark ?? highMark) : undefined;
  }

  #settleAvailability(): AvailabilityChange[] {
    const was = this.#availability;
    const set = [...this.#triggers.values()].flatMap((trigger) => trigger.setBy ?? []);
    const stillSet = set.find((by) => was.kind === 'busy' && by === was.by) ?? set[0];
    this.#availability = stillSet ? { kind: 'busy', by: stillSet } : { kind: 'available' };
    if (was.kind === 'available' && stillSet) return [{ kind: 'became-busy', by: stillSet }];
    if (was.kind === 'busy' && !stillSet) return [{ kind: 'became-available' }];
    return [];
  }

  #settleEviction(by: Crossing | undefined): AvailabilityChange[] {
    const was = this.#evictingBy;
    this.#evictingBy = by;
    if (by && !was) return [{ kind: 'evict', by }];
    if (!by && was) return [{ kind: 'evict-over' }];
    return [];
  }
}

/** A condition that holds over this sample's interval has held at least since the interval began. */
function heldSince(holds: boolean, sinceMs: number | undefined, startMs: number): number | undefined {
  return holds ? (sinceMs ?? startMs) : undefined;
}
