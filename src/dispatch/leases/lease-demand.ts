/**
 * Demand for leases: the jobs that wait for one, and which nodes each cannot use. Pure; unaware of requests, of the
 * broker, and of where a job runs in the end.
 */
import { isSameSet } from '../../util/sets.ts';

/** Slots kept ready for the next jobs while jobs arrive: make starts the next job as soon as one ends. */
const PREFETCH = 2;
/** Jobs are arriving if the last one waited for a slot within this window. */
const PREFETCH_WINDOW_MS = 500;

/** A job that waits for a lease. */
export interface DemandingJob {
  readonly excluded: ReadonlySet<string>;
  /** No node that the job may use had a slot when one was requested. */
  isRefused: boolean;
}

/** The jobs that wait for leases. */
export class LeaseDemand {
  readonly #waiting = new Map<number, DemandingJob>();
  readonly #choosy = new Set<DemandingJob>();
  #arrivedMs = -Infinity;

  /** Number of jobs that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Jobs that cannot use every node, in the order of their arrival. A job whose nodes change is another job. */
  get choosy(): ReadonlySet<DemandingJob> {
    return this.#choosy;
  }

  /** When no slots are kept ready any longer, unless another job arrives. */
  get quietFromMs(): number {
    return this.#arrivedMs + PREFETCH_WINDOW_MS;
  }

  /**
   * A job waits for a lease on any node but those in `excluded`. Idempotent.
   * @returns false if that was known
   */
  add(id: number, excluded: ReadonlySet<string>, nowMs: number): boolean {
    const known = this.#waiting.get(id);
    if (known && isSameSet(known.excluded, excluded)) return false;
    this.#arrivedMs = nowMs;
    this.remove(id);
    const job: DemandingJob = { excluded, isRefused: false };
    this.#waiting.set(id, job);
    if (excluded.size > 0) this.#choosy.add(job);
    return true;
  }

  /**
   * The job has its slot, or went away.
   * @returns false if it did not wait
   */
  remove(id: number): boolean {
    const job = this.#waiting.get(id);
    if (!job) return false;
    this.#choosy.delete(job);
    return this.#waiting.delete(id);
  }

  /** A job found a slot without waiting: more jobs will come. */
  noteUse(nowMs: number): void {
    this.#arrivedMs = nowMs;
  }

  /** True if a request for the job was refused. */
  isRefused(id: number): boolean {
    return this.#waiting.get(id)?.isRefused === true;
  }

  /** Another broker may have what the last one refused. */
  forgetRefusals(): void {
    for (const job of this.#choosy) job.isRefused = false;
  }

  /** Slots to have on any node: one for each job that can use every node, and a few ahead. */
  wanted(nowMs: number): number {
    const ahead = nowMs < this.quietFromMs ? PREFETCH : 0;
    return this.#waiting.size - this.#choosy.size + ahead;
  }

  /** Choosy jobs that can use one of the slots on `ready` nodes: their requests were granted. */
  servedBy(ready: readonly string[]): ReadonlySet<DemandingJob> {
    const served = new Set<DemandingJob>();
    if (this.#choosy.size === 0) return served;
    const left = [...ready];
    for (const job of this.#choosy) {
      const at = left.findIndex((node) => !job.excluded.has(node));
      if (at < 0) continue;
      left.splice(at, 1);
      served.add(job);
    }
    return served;
  }
}
