/**
 * Load samples in, available or busy out, with the metric that made it so; and when our jobs must leave for the owner.
 * Pure: its only clock is the samples' own.
 *
 * Each metric is a trigger of its own: set when it stays over its high mark for BUSY_AFTER_MS, released after CALM_MS
 * without a sample over its low mark. The node is busy while any trigger is set, so it becomes busy, or available, at
 * most once in CALM_MS.
 */
import { Baseline } from './baseline.ts';
import type { LoadSample } from './load-sample.ts';
import { isOver, type Metric } from './metrics.ts';
import { FIXED_PRESETS, withRows, type Policy, type ThresholdRow } from './policy.ts';

/** Two samples of a second, one of the paper's: the start of a worker or a cron job is no load yet. */
export const BUSY_AFTER_MS = 1_500;
/** The paper's interval of 5 s between looks, less what a timer may be early: one calm look is enough then. */
export const CALM_MS = 4_500;
/** How long foreign load must stay over an eviction mark before our jobs go. */
export const EVICT_AFTER_MS = 10_000;

/** A metric beyond a mark of its row. */
export interface Crossing {
  readonly metric: Metric;
  readonly value: number;
  readonly mark: number;
}

export type Availability =
  | { readonly kind: 'available' }
  /** The first of the triggers that are set now, as it was when it was set. */
  | { readonly kind: 'busy'; readonly by: Crossing };

export type AvailabilityChange =
  | { readonly kind: 'became-busy'; readonly by: Crossing }
  | { readonly kind: 'became-available' }
  /** Foreign load has been over an eviction mark for EVICT_AFTER_MS: our jobs must leave until `evict-over`. */
  | { readonly kind: 'evict'; readonly by: Crossing }
  | { readonly kind: 'evict-over' };

interface Trigger {
  /** What set it; undefined while it is not set. */
  setBy: Crossing | undefined;
  /** Since when every sample was over the high mark. */
  overSinceMs: number | undefined;
  /** Since when no sample was over the low mark. */
  calmSinceMs: number | undefined;
  /** Since when every sample was over the eviction mark. */
  evictSinceMs: number | undefined;
}

const UNSET: Trigger = {
  setBy: undefined,
  overSinceMs: undefined,
  calmSinceMs: undefined,
  evictSinceMs: undefined,
};

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

  /** What our jobs must leave for, if they must. */
  get evictingBy(): Crossing | undefined {
    return this.#evictingBy;
  }

  /** The marks that the last sample was judged by, for display. */
  get rows(): readonly ThresholdRow[] {
    return this.#rows;
  }

  /** Judges by other thresholds from the next sample on; what was learned stays. */
  setPolicy(policy: Policy): void {
    this.#policy = policy;
  }

  /**
   * Takes the next sample, and tells what changed by it.
   * @param isArriving - a worker was on its way here: what seems foreign may be ours, and is no reason to be busy
   */
  observe(sample: LoadSample, isArriving = false): AvailabilityChange[] {
    this.#rows = this.#currentRows(sample);
    // A row that is gone takes its trigger along, or the node would be busy for ever.
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

  /** Moves the row's trigger on; gives the crossing when our jobs must leave for it. */
  #judge(row: ThresholdRow, sample: LoadSample, isDoubtful: boolean): Crossing | undefined {
    const { metric, highMark, lowMark, evictionMark } = row;
    const trigger = this.#triggers.get(metric) ?? { ...UNSET };
    this.#triggers.set(metric, trigger);
    const value = sample[row.judges][metric];
    // What is not known is not over: a node must not be busy for ever because a file went away.
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

/** A condition that holds over this sample's interval has held since that began, or longer. */
function heldSince(holds: boolean, sinceMs: number | undefined, startMs: number): number | undefined {
  return holds ? (sinceMs ?? startMs) : undefined;
}
