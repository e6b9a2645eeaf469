/**
 * How many slots are asked of the broker, and when: as many as jobs wait and the cluster may have, and a few ahead. Pure:
 * jobs, answers and a time in, requests and cancellations out. Unaware of what becomes of a lease.
 */
import { isSameSet } from '../../util/sets.ts';

/** How long a broker may keep a request. Longer than it goes without a leader (2 s) before it says so. */
const PATIENCE_MS = 3_000;
/** A broker that answers no request this long after its patience is stuck; the request is given up. */
const OVERDUE_MS = 2_000;
/** From here on a request does not look like being granted: what the cluster has is in other hands. */
const SCARCE_AFTER_MS = 1_000;
/** Between one refused request and the next, by how many were refused in a row; the last bounds how late a slot is seen. */
const RETRY_DELAYS_MS = [100, 200, 400, 800, 1_000] as const;
/** Slots held ready for the next jobs, while jobs come. make starts the next one as soon as one ends. */
const PREFETCH = 2;
/** Jobs come: the last one waited for a slot no longer ago. */
const PREFETCH_WINDOW_MS = 500;
/** make goes up and down by a job or two all the time; requests that are too many for so long are taken back. */
const SURPLUS_KEPT_MS = 100;
/** At once, whatever waits; a broker refuses more than 2,000, and make's usual -j is below this. */
const MAX_OPEN = 256;
/** Asked for even if the broker has not heard yet what the cluster has. */
const MIN_OPEN = 8;
/**
 * Asked for even if all that the cluster has is held: for a node that joins, and what others give back. As many as jobs
 * wait would be asked for and taken back with each job, all for nothing.
 */
const STANDING = 2;

export type RequestEffect =
  /** A broker may look at the last of `excluded` only. */
  | { readonly kind: 'request'; readonly id: number; readonly patienceMs: number; readonly excluded: readonly string[] }
  | { readonly kind: 'cancel'; readonly id: number };

interface OpenRequest {
  readonly askedMs: number;
  /** The job it was made for because that job cannot use just any node. */
  readonly job: number | undefined;
}

interface WaitingJob {
  readonly excluded: ReadonlySet<string>;
  request: number | undefined;
  /** No node that it may use had a slot when it was asked for. */
  isRefused: boolean;
}

interface HeldLeases {
  readonly held: number;
  /** The nodes of those that are free for the next jobs, or will be soon. */
  readonly ready: readonly string[];
}

export class LeaseRequests {
  readonly #emit: (effect: RequestEffect) => void;
  /** Insertion order is the order of asking. */
  readonly #open = new Map<number, OpenRequest>();
  readonly #waiting = new Map<number, WaitingJob>();
  /** Those of `#waiting` that some node failed; each has a request of its own. */
  readonly #choosy = new Map<number, WaitingJob>();
  #isUp = false;
  /** Of the cluster; 0 while that is not known. */
  #capacity = 0;
  #nextId = 1;
  #wantedMs = -Infinity;
  #surplusSinceMs: number | undefined;
  #refusals = 0;
  #refusedMs = -Infinity;
  #askAfterMs = -Infinity;

  constructor(emit: (effect: RequestEffect) => void) {
    this.#emit = emit;
  }

  get open(): number {
    return this.#open.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** A broker answers; what another one was asked is of no account. */
  begin(): void {
    this.end();
    this.#isUp = true;
  }

  /** No broker answers any more. */
  end(): void {
    this.#isUp = false;
    this.#capacity = 0;
    this.#open.clear();
    this.#surplusSinceMs = undefined;
    this.#refusals = 0;
    this.#askAfterMs = -Infinity;
    for (const job of this.#choosy.values()) {
      job.request = undefined;
      job.isRefused = false;
    }
  }

  setCapacity(slots: number): void {
    this.#capacity = slots;
  }

  /** Said again, it changes nothing but which nodes are excluded. */
  add(id: number, excluded: ReadonlySet<string>, nowMs: number): void {
    this.#wantedMs = nowMs;
    const known = this.#waiting.get(id);
    if (known && isSameSet(known.excluded, excluded)) return;
    this.remove(id);
    const job: WaitingJob = { excluded, request: undefined, isRefused: false };
    this.#waiting.set(id, job);
    if (excluded.size > 0) this.#choosy.set(id, job);
  }

  remove(id: number): void {
    const request = this.#choosy.get(id)?.request;
    this.#waiting.delete(id);
    this.#choosy.delete(id);
    if (request !== undefined) this.#cancel(request);
  }

  /** A job found a slot without waiting: more will come. */
  noteUse(nowMs: number): void {
    this.#wantedMs = nowMs;
  }

  /** Was request `id` made for a job that cannot use `node`? */
  excludes(id: number, node: string): boolean {
    const job = this.#open.get(id)?.job;
    return job !== undefined && this.#waiting.get(job)?.excluded.has(node) === true;
  }

  /** Was request `id` made, and neither answered nor taken back? */
  isOpen(id: number): boolean {
    return this.#open.has(id);
  }

  /** Was this job told that nothing is there for it? */
  isRefused(id: number): boolean {
    return this.#waiting.get(id)?.isRefused === true;
  }

  /** The cluster does not give what was asked for. */
  isScarce(nowMs: number): boolean {
    return this.#refusals > 0 || this.#scarceFromMs() <= nowMs;
  }

  /** A lease came for request `id`. False when it is not wanted any more. */
  granted(id: number): boolean {
    const open = this.#forget(id);
    if (!open) return false;
    this.#refusals = 0;
    return true;
  }

  /** Nothing came of request `id`, or nothing of use. */
  refused(id: number, nowMs: number): void {
    const open = this.#forget(id);
    if (!open) return;
    const job = open.job === undefined ? undefined : this.#waiting.get(open.job);
    if (job) job.isRefused = true;
    // What was asked together and refused together counts once.
    if (open.askedMs > this.#refusedMs) this.#refusals += 1;
    this.#refusedMs = nowMs;
    const delayMs = RETRY_DELAYS_MS[Math.min(this.#refusals, RETRY_DELAYS_MS.length) - 1] ?? 0;
    // From when it was asked: one that waited its whole patience has waited enough.
    this.#askAfterMs = Math.max(this.#askAfterMs, open.askedMs + delayMs);
  }

  /**
   * Asks for what is missing and takes back what is too much.
   * @param unusable - nodes of no use to anybody, the most recent last
   */
  balance(leases: HeldLeases, unusable: () => readonly string[], nowMs: number): void {
    if (!this.#isUp) return;
    this.#giveUpOverdue(nowMs);
    const mayAsk = nowMs >= this.#askAfterMs;
    const served = this.#served(leases.ready);
    if (mayAsk) this.#askForChoosy(served, unusable, nowMs);
    const anyones = this.#open.size - this.#choosyOpen();
    const missing = this.#wanted(nowMs) - (leases.ready.length - served.size) - anyones;
    if (missing >= 0) this.#surplusSinceMs = undefined;
    if (missing > 0 && mayAsk) {
      const count = Math.min(missing, this.#unheld(leases) - anyones, this.#limit - this.#open.size);
      for (let asked = 0; asked < count; asked += 1) this.#ask(undefined, unusable(), nowMs);
    } else if (missing < 0) {
      this.#takeBack(-missing, nowMs);
    }
  }

  /** When `balance` is to be called again though nothing happened. */
  nextTickMs(nowMs: number): number {
    if (!this.#isUp) return Infinity;
    const times = [
      this.#surplusSinceMs === undefined ? Infinity : this.#surplusSinceMs + SURPLUS_KEPT_MS,
      this.#wantedMs + PREFETCH_WINDOW_MS,
      this.#waiting.size > 0 ? this.#askAfterMs : Infinity,
      this.#scarceFromMs(),
      (this.#oldest()?.askedMs ?? Infinity) + PATIENCE_MS + OVERDUE_MS,
    ];
    return Math.min(...times.filter((time) => time > nowMs), Infinity);
  }

  /** Requests that may be open at once. */
  get #limit(): number {
    return Math.min(MAX_OPEN, Math.max(MIN_OPEN, this.#capacity));
  }

  /** Of these, the ones for any node: slots that the cluster may yet give. */
  #unheld({ held }: HeldLeases): number {
    return this.#capacity === 0 ? this.#limit : Math.max(STANDING, this.#capacity - held);
  }

  #wanted(nowMs: number): number {
    const ahead = nowMs - this.#wantedMs < PREFETCH_WINDOW_MS ? PREFETCH : 0;
    return this.#waiting.size - this.#choosy.size + ahead;
  }

  #choosyOpen(): number {
    let count = 0;
    for (const { request } of this.#choosy.values()) if (request !== undefined) count += 1;
    return count;
  }

  /** Choosy jobs that one of the slots at `ready` nodes will do for: what they asked for has come. */
  #served(ready: readonly string[]): Set<number> {
    const served = new Set<number>();
    if (this.#choosy.size === 0) return served;
    const left = [...ready];
    for (const [id, { excluded }] of this.#choosy) {
      const at = left.findIndex((node) => !excluded.has(node));
      if (at < 0) continue;
      left.splice(at, 1);
      served.add(id);
    }
    return served;
  }

  #askForChoosy(served: ReadonlySet<number>, unusable: () => readonly string[], nowMs: number): void {
    for (const [id, job] of this.#choosy) {
      if (job.request !== undefined || served.has(id) || this.#open.size >= this.#limit) continue;
      job.request = this.#ask(id, [...unusable(), ...job.excluded], nowMs);
    }
  }

  #ask(job: number | undefined, excluded: readonly string[], nowMs: number): number {
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
    // The newest: the oldest is the next to be granted.
    for (const id of anyones.slice(-surplus)) this.#cancel(id);
  }

  #cancel(id: number): void {
    if (this.#forget(id)) this.#emit({ kind: 'cancel', id });
  }

  #forget(id: number): OpenRequest | undefined {
    const open = this.#open.get(id);
    this.#open.delete(id);
    const job = open?.job === undefined ? undefined : this.#choosy.get(open.job);
    if (job?.request === id) job.request = undefined;
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
