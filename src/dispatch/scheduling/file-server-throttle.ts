/**
 * Throttle for a slow file server: limits the jobs on nodes, because an overloaded server gets slower with each further
 * client, so that fewer jobs at once finish sooner. The limit falls by a third for each interval with slow requests,
 * then rises step by step until it is lifted. Pure; unaware of where the figures come from.
 */

/** Measurements of one interval. */
export interface ServerSample {
  /** Requests that were answered, and their total duration. */
  readonly requests: number;
  readonly waitedMs: number;
  /** Jobs that ended on nodes, and the total time until their outputs became visible on this host. */
  readonly settled: number;
  readonly visibleWaitMs: number;
  /** Jobs on nodes at the end of the interval. */
  readonly inFlight: number;
}

/** Fewer samples give no meaningful mean. */
const MIN_REQUESTS = 20;
const MIN_SETTLED = 3;
/** A server that takes this long for a single request has stalled. */
const STOPPED_REQUEST_MS = 1_000;
/** A server with disks answers within this limit, and a distant server within a multiple of its own best. */
const SLOW_REQUEST_MS = 30;
const SLOW_FACTOR = 5;
/** Ten times the usual delay until a job's outputs are visible (docs/benchmarks.md). */
const SLOW_VISIBLE_MS = 500;
const CUT = 0.67;
const STEP = 0.1;
const FEWEST_JOBS = 2;
/** The best mean decays by this factor per interval, because a mount may move to a slower server. */
const FORGET = 1.01;

/** Limit on the number of jobs on nodes. */
export class BackPressure {
  #limit = Number.POSITIVE_INFINITY;
  /** Jobs in flight when the limit was first set. */
  #ceiling = 0;
  #bestMs = Number.POSITIVE_INFINITY;

  /** Jobs on nodes at once; Infinity for no limit. */
  get limit(): number {
    return this.#limit;
  }

  observe(sample: ServerSample): void {
    const { inFlight } = sample;
    if (this.#isSlow(sample)) {
      if (this.#limit === Number.POSITIVE_INFINITY) this.#ceiling = inFlight;
      this.#limit = Math.max(FEWEST_JOBS, Math.floor(Math.min(this.#limit, inFlight) * CUT));
    } else if (this.#limit !== Number.POSITIVE_INFINITY) {
      this.#limit += Math.max(1, Math.floor(this.#limit * STEP));
      if (this.#limit >= this.#ceiling) this.#limit = Number.POSITIVE_INFINITY;
    }
  }

  #isSlow({ requests, waitedMs, settled, visibleWaitMs }: ServerSample): boolean {
    const isLateToShow = settled >= MIN_SETTLED && visibleWaitMs / settled > SLOW_VISIBLE_MS;
    const meanMs = requests === 0 ? 0 : waitedMs / requests;
    if (requests < MIN_REQUESTS) return isLateToShow || meanMs > STOPPED_REQUEST_MS;
    this.#bestMs = Math.min(this.#bestMs * FORGET, meanMs);
    return isLateToShow || meanMs > Math.max(SLOW_REQUEST_MS, SLOW_FACTOR * this.#bestMs);
  }
}
