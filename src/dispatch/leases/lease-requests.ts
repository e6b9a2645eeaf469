/**
 * Requests for leases: how many slots to request from the broker, and when. There is a request for each waiting job as
 * far as the cluster may have slots, and a few ahead. Pure: demand, answers and a time in, requests and cancellations
 * out. Unaware of what happens to a lease.
 */
import { delayAfter, type Delays } from '../../util/back-off.ts';
import type { DemandingJob, LeaseDemand } from './lease-demand.ts';

/** How long a broker may keep a request: longer than the 2 s that it goes without a leader before it says so. */
const PATIENCE_MS = 3_000;
/** A broker that has not answered this long after the request's patience is stuck; the request is cancelled. */
const OVERDUE_MS = 2_000;
/** A request of this age is unlikely to be granted: the cluster's slots are in other hands. */
const SCARCE_AFTER_MS = 1_000;
/** Delays between refused requests, by the number refused in a row; the last limits how late a free slot is noticed. */
const RETRY_DELAYS_MS: Delays = [100, 200, 400, 800, 1_000];
/** make's parallelism varies by a job or two all the time; surplus requests are cancelled only after this long. */
const SURPLUS_KEPT_MS = 100;
/** Limit on open requests; a broker refuses more than 2,000, and make's usual -j is below this. */
const MAX_OPEN = 256;
/** Requests allowed while the broker does not yet know the cluster's slots. */
const MIN_OPEN = 8;
/**
 * Requests kept open even if the cluster's slots are all held, for a node that joins and slots that others give back.
 * One request per waiting job would be made and cancelled with each job, to no effect.
 */
const STANDING = 2;

/** What the owner must send to the broker. */
export type RequestEffect =
  /** A broker may consider only the last of `excluded`. */
  | { readonly kind: 'request'; readonly id: number; readonly patienceMs: number; readonly excluded: readonly string[] }
  | { readonly kind: 'cancel'; readonly id: number };

interface OpenRequest {
  readonly askedMs: number;
  /** The job that the request was made for, if that job cannot use just any node. */
  readonly job: DemandingJob | undefined;
}

/** The leases that need not be requested. */
export interface LeaseCounts {
  readonly held: number;
  /** Nodes of the leases that are free for the next jobs, or will be soon. */
  readonly ready: readonly string[];
}

/** Open requests. */
export class LeaseRequests {
  readonly #demand: LeaseDemand;
  readonly #emit: (effect: RequestEffect) => void;
  /** In the order of the requests. */
  readonly #open = new Map<number, OpenRequest>();
  /** The open requests of jobs that cannot use every node; each has one of its own. */
  readonly #ofJobs = new Map<DemandingJob, number>();
  #isUp = false;
  /** Slots of the cluster; 0 while unknown. */
  #capacity = 0;
  #nextId = 1;
  #surplusSinceMs: number | undefined;
  #refusals = 0;
  #refusedMs = -Infinity;
  #askAfterMs = -Infinity;

  constructor(demand: LeaseDemand, emit: (effect: RequestEffect) => void) {
    this.#demand = demand;
    this.#emit = emit;
  }

  /** Number of open requests. */
  get open(): number {
    return this.#open.size;
  }

  /** A broker answers; requests to an earlier one are forgotten. */
  begin(): void {
    this.end();
    this.#isUp = true;
  }

  /** No broker answers. */
  end(): void {
    this.#isUp = false;
    this.#capacity = 0;
    this.#open.clear();
    this.#ofJobs.clear();
    this.#surplusSinceMs = undefined;
    this.#refusals = 0;
    this.#askAfterMs = -Infinity;
    this.#demand.forgetRefusals();
  }

  /** The broker reported the slots of the cluster. */
  setCapacity(slots: number): void {
    this.#capacity = slots;
  }

  /** True if request `id` was made for a job that cannot use `node`. */
  excludes(id: number, node: string): boolean {
    return this.#open.get(id)?.job?.excluded.has(node) === true;
  }

  /** True if request `id` was made, and neither answered nor cancelled. */
  isOpen(id: number): boolean {
    return this.#open.has(id);
  }

  /** True if the cluster does not grant what is requested. */
  isScarce(nowMs: number): boolean {
    return this.#refusals > 0 || this.#scarceFromMs() <= nowMs;
  }

  /** A lease was granted for request `id`. False if it is no longer wanted. */
  granted(id: number): boolean {
    const open = this.#forget(id);
    if (!open) return false;
    this.#refusals = 0;
    return true;
  }

  /** Request `id` was refused, or granted an unusable lease. */
  refused(id: number, nowMs: number): void {
    const open = this.#forget(id);
    if (!open) return;
    if (open.job) open.job.isRefused = true;
    // Requests made together and refused together count once.
    if (open.askedMs > this.#refusedMs) this.#refusals += 1;
    this.#refusedMs = nowMs;
    const delayMs = delayAfter(RETRY_DELAYS_MS, this.#refusals);
    // Measured from the request: one that waited its whole patience has waited long enough.
    this.#askAfterMs = Math.max(this.#askAfterMs, open.askedMs + delayMs);
  }

  /**
   * Requests missing slots and cancels surplus requests.
   * @param unusable - nodes that no job can use, the most recent last
   */
  balance(leases: LeaseCounts, unusable: () => readonly string[], nowMs: number): void {
    if (!this.#isUp) return;
    this.#cancelUnneeded();
    this.#giveUpOverdue(nowMs);
    const mayAsk = nowMs >= this.#askAfterMs;
    const served = this.#demand.servedBy(leases.ready);
    if (mayAsk) this.#askForChoosy(served, unusable, nowMs);
    const anyones = this.#open.size - this.#ofJobs.size;
    const missing = this.#demand.wanted(nowMs) - (leases.ready.length - served.size) - anyones;
    if (missing >= 0) this.#surplusSinceMs = undefined;
    if (missing > 0 && mayAsk) {
      const count = Math.min(missing, this.#unheld(leases) - anyones, this.#limit - this.#open.size);
      for (let asked = 0; asked < count; asked += 1) this.#ask(undefined, unusable(), nowMs);
    } else if (missing < 0) {
      this.#takeBack(-missing, nowMs);
    }
  }

  /** When `balance` must be called again even if nothing happens. */
  nextTickMs(nowMs: number): number {
    if (!this.#isUp) return Infinity;
    const times = [
      this.#surplusSinceMs === undefined ? Infinity : this.#surplusSinceMs + SURPLUS_KEPT_MS,
      this.#demand.quietFromMs,
      this.#demand.waiting > 0 ? this.#askAfterMs : Infinity,
      this.#scarceFromMs(),
      (this.#oldest()?.askedMs ?? Infinity) + PATIENCE_MS + OVERDUE_MS,
    ];
    return Math.min(...times.filter((time) => time > nowMs), Infinity);
  }

  /** Limit on open requests. */
  get #limit(): number {
    return Math.min(MAX_OPEN, Math.max(MIN_OPEN, this.#capacity));
  }

  /** Limit on open requests for any node: slots that the cluster may still grant. */
  #unheld({ held }: LeaseCounts): number {
    return this.#capacity === 0 ? this.#limit : Math.max(STANDING, this.#capacity - held);
  }

  /** Cancels the requests of jobs that no longer wait, or not for the same nodes. */
  #cancelUnneeded(): void {
    for (const [job, request] of this.#ofJobs) if (!this.#demand.choosy.has(job)) this.#cancel(request);
  }

  #askForChoosy(served: ReadonlySet<DemandingJob>, unusable: () => readonly string[], nowMs: number): void {
    for (const job of this.#demand.choosy) {
      if (this.#ofJobs.has(job) || served.has(job) || this.#open.size >= this.#limit) continue;
      this.#ofJobs.set(job, this.#ask(job, [...unusable(), ...job.excluded], nowMs));
    }
  }

  #ask(job: DemandingJob | undefined, excluded: readonly string[], nowMs: number): number {
    const id = this.#nextId;
    this.#nextId = (this.#nextId + 1) % 2 ** 32;
    this.#open.set(id, { askedMs: nowMs, job });
    this.#emit({ kind: 'request', id, patienceMs: PATIENCE_MS, excluded });
    return id;
  }

  #takeBack(surplus: number, nowMs: number): void {
    const anyones = [...this.#open].filter(([, { job }]) => job === undefined).map(([id]) => id);
    if (anyones.length === 0) return;
    this.#surplusSinceMs ??= nowMs;
    if (nowMs - this.#surplusSinceMs < SURPLUS_KEPT_MS) return;
    this.#surplusSinceMs = undefined;
    // Cancel the newest: the oldest request is the next to be granted.
    for (const id of anyones.slice(-surplus)) this.#cancel(id);
  }

  #cancel(id: number): void {
    if (this.#forget(id)) this.#emit({ kind: 'cancel', id });
  }

  #forget(id: number): OpenRequest | undefined {
    const open = this.#open.get(id);
    this.#open.delete(id);
    if (open?.job) this.#ofJobs.delete(open.job);
    return open;
  }

  #giveUpOverdue(nowMs: number): void {
    for (const [id, { askedMs }] of this.#open) {
      if (nowMs < askedMs + PATIENCE_MS + OVERDUE_MS) return;
      this.#emit({ kind: 'cancel', id });
      this.refused(id, nowMs);
    }
  }

  #oldest(): OpenRequest | undefined {
    const first = this.#open.values().next();
    return first.done ? undefined : first.value;
  }

  #scarceFromMs(): number {
    return (this.#oldest()?.askedMs ?? Infinity) + SCARCE_AFTER_MS;
  }
}
