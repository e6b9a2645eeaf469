/**
 * How many jobs may be out at once while the file server that holds the tree is slow: a server that is behind gets
 * slower with every further client, so fewer jobs end sooner. Less by a third for each interval in which requests take
 * long, then more again a step at a time, until there is no limit. Pure; unaware of where the figures come from.
 */

/** What one interval showed. */
export interface ServerSample {
  /** Requests answered, and what they took together. */
  readonly requests: number;
  readonly waitedMs: number;
  /** Jobs that ended on nodes, and what their outputs took to become visible here, together. */
  readonly settled: number;
  readonly visibleWaitMs: number;
  /** Jobs on nodes at its end. */
  readonly inFlight: number;
}

/** Fewer say nothing about a mean. */
const MIN_REQUESTS = 20;
const MIN_SETTLED = 3;
/** A server that took so long over a single request had stopped. */
const STOPPED_REQUEST_MS = 1_000;
/** A server with disks answers within this, and one far away within a multiple of its own best. */
const SLOW_REQUEST_MS = 30;
const SLOW_FACTOR = 5;
/** Ten times what a job's outputs take on a good day (docs/benchmarks.md). */
const SLOW_VISIBLE_MS = 500;
const CUT = 0.67;
const STEP = 0.1;
const FEWEST_JOBS = 2;
/** The best mean is forgotten by this part in each interval: a mount may move to a slower server. */
const FORGET = 1.01;

export class BackPressure {
  #limit = Number.POSITIVE_INFINITY;
  /** Jobs at once when it began. */
  #ceiling = 0;
  #bestMs = Number.POSITIVE_INFINITY;

  /** Jobs on nodes at once; Infinity for as many as there are slots. */
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
