/**
 * Pool of the leases that the broker granted this user: a lease that no job uses is a free slot. Pure: events of the
 * broker, nodes and jobs come in with a time; releases, requests and stops go out. Unaware of sockets and of the queue.
 *
 *   leased ─▶ connecting ⇄ idle ⇄ used ─▶ released        (each lease exactly once; an orphan is dropped
 *                 └──────────┴──────────▶ released         instead: its broker is gone and releases it itself)
 */
import { ConnectingTime } from './connecting-time.ts';
import { UserLeases, type UserLease } from './user-leases.ts';
import type { NodeOutlook } from './leased-nodes.ts';
import { LeaseRequests, type RequestEffect } from './lease-requests.ts';

/**
 * A lease serves jobs for this long, and longer if the broker says that no other user waits; then the leader decides
 * again which user is next. That keeps users fair.
 */
const USE_LIMIT_MS = 3_000;
/**
 * Upper limit on extensions: by then a faster node may be free, and the broker's word on waiting users is out of date.
 */
const KEEP_LIMIT_MS = 30_000;
/** A lease that this user has no job for should go to others, but a round trip for every job would be a waste. */
const IDLE_LIMIT_MS = 500;
/**
 * Without a broker, held leases stay in use for this long. Nodes end unrenewed leases sooner, and no more is used than
 * was held.
 */
const ORPHAN_LIMIT_MS = 60_000;

/** What the pool's owner must do. */
export type LeaseEffect =
  | RequestEffect
  | { readonly kind: 'release'; readonly lease: string }
  /** The job under this lease must end at once; the lease is released when it has. */
  | { readonly kind: 'stop'; readonly lease: string; readonly reason: string }
  /** The number of leases held on this node has changed. */
  | { readonly kind: 'held'; readonly node: string };

/** A free slot that a job took. */
export interface LeasedSlot {
  readonly lease: string;
  readonly node: string;
}

/** Leases and requests of this user. */
export class LeasePool {
  readonly #emit: (effect: LeaseEffect) => void;
  readonly #requests: LeaseRequests;
  readonly #leases = new UserLeases();
  readonly #nodes = new Map<string, NodeOutlook>();
  /** Number of known nodes that are not unusable. */
  #nodesLeft = 0;
  #isUp = false;
  #downMs = -Infinity;
  /** Slots of the cluster; undefined until the broker has reported them. */
  #capacity: number | undefined;
  readonly #connectingTime = new ConnectingTime();

  constructor(emit: (effect: LeaseEffect) => void) {
    this.#emit = emit;
    this.#requests = new LeaseRequests(emit);
  }

  /** No slot is free now. */
  get isFull(): boolean {
    return this.#leases.idle.size === 0;
  }

  /** What is held. */
  get leases(): Pick<UserLeases, 'size' | 'held' | 'inUse'> {
    return this.#leases;
  }

  /** What is requested, and the jobs that wait for it. */
  get requests(): Pick<LeaseRequests, 'open' | 'waiting' | 'isOpen'> {
    return this.#requests;
  }

  /** A job waits for a slot on any node but those in `excluded`. */
  want(job: number, excluded: ReadonlySet<string>, nowMs: number): void {
    this.#requests.add(job, excluded, nowMs);
    this.#balance(nowMs);
  }

  /** The job has its slot, or went away. */
  unwant(job: number, nowMs: number): void {
    this.#requests.remove(job);
    this.#balance(nowMs);
  }

  /** Takes a free slot, which must be given back once by `release`. */
  acquire(excluded: Pick<ReadonlySet<string>, 'has'>, nowMs: number): LeasedSlot | undefined {
    for (const lease of this.#leases.idle) {
      if (excluded.has(lease.node)) continue;
      this.#leases.setState(lease, 'used', nowMs);
      this.#requests.noteUse(nowMs);
      return { lease: lease.id, node: lease.node };
    }
    return undefined;
  }

  /** The job under the lease has ended. */
  release(id: string, nowMs: number): void {
    const lease = this.#leases.get(id);
    if (lease?.state !== 'used') throw new RangeError(`lease ${id} is not in use`);
    if (this.#mayWait(lease)) this.#leases.setState(lease, 'connecting', nowMs);
    else if (this.#mayServeAgain(lease, nowMs)) this.#leases.setState(lease, 'idle', nowMs);
    else this.#end(lease);
    this.#balance(nowMs);
  }

  /** False if no slot will come that `job` can use, so that the job need not wait for one. */
  mayServe(job: number, excluded: Pick<ReadonlySet<string>, 'has'>): boolean {
    if (this.#isUp && this.#requests.isRefused(job)) return false;
    // A new leader knows of no slots at first, but held leases remain.
    const isAnyThere = this.#isUp && this.#capacity !== 0;
    return isAnyThere || [...this.#leases.nodes].some((node) => !excluded.has(node));
  }

  /**
   * Slots that this user's jobs may count on: all of the cluster's while it grants requests, and otherwise the held
   * ones. Infinity until the broker has reported the cluster's slots: that is worth waiting for.
   */
  expectedSlots(nowMs: number): number {
    if (this.#isUp && this.#capacity === undefined) return Infinity;
    const held = this.#leases.size;
    if (this.#connectingTime.isSpent(nowMs)) return held - this.#leases.connecting.size;
    const isCutOff = this.#nodesLeft === 0 && this.#nodes.size > 0 && this.#leases.connecting.size === 0;
    if (!this.#isUp || isCutOff || this.#requests.isScarce(nowMs)) return held;
    return Math.max(held, this.#capacity ?? 0);
  }

  /** A build begins: nodes that did not come up may do so now. */
  renew(nowMs: number): void {
    this.#connectingTime.renew(nowMs);
  }

  linkUp(nowMs: number): void {
    this.#isUp = true;
    this.renew(nowMs);
    // Their slots may belong to other users by now; jobs under them run to their end.
    for (const lease of this.#leases.all()) if (lease.isOrphan && lease.state !== 'used') this.#drop(lease);
    this.#requests.begin();
    this.#balance(nowMs);
  }

  linkDown(nowMs: number): void {
    this.#isUp = false;
    this.#downMs = nowMs;
    this.#capacity = undefined;
    for (const lease of this.#leases.all()) lease.isOrphan = true;
    this.#requests.end();
  }

  setCapacity(slots: number, nowMs: number): void {
    this.#capacity = slots;
    this.#requests.setCapacity(slots);
    this.#balance(nowMs);
  }

  leased(request: number, id: string, node: string, nowMs: number): void {
    if (this.#leases.get(id)) return;
    // A broker only considers the last of a job's many excluded nodes.
    const isUsable = this.#nodes.get(node) !== 'unusable' && !this.#requests.excludes(request, node);
    if (!isUsable) this.#requests.refused(request, nowMs);
    if (!isUsable || !this.#requests.granted(request)) {
      this.#emit({ kind: 'release', lease: id });
    } else {
      this.#leases.add(id, node, this.#nodes.get(node) === 'up', nowMs);
      this.#emit({ kind: 'held', node });
    }
    this.#balance(nowMs);
  }

  none(request: number, nowMs: number): void {
    this.#requests.refused(request, nowMs);
    this.#balance(nowMs);
  }

  /** Extends leases by `forMs` from now, because no other user waits for their slots; 0 withdraws an extension. */
  keep(ids: readonly string[], forMs: number, nowMs: number): void {
    for (const id of ids) {
      const lease = this.#leases.get(id);
      if (lease) lease.keptUntilMs = nowMs + forMs;
    }
  }

  /** The node revoked its slot, or gave it up. */
  lost(id: string, reason: string, nowMs: number): void {
    const lease = this.#leases.get(id);
    if (!lease || lease.isLost) return;
    lease.isLost = true;
    if (lease.state === 'used') this.#emit({ kind: 'stop', lease: id, reason });
    else this.#end(lease);
    this.#balance(nowMs);
  }

  /** The outlook for a node has changed. */
  noteNode(node: string, outlook: NodeOutlook | 'forgotten', nowMs: number): void {
    this.#setNode(node, outlook === 'forgotten' ? undefined : outlook);
    let waitedMs = 0;
    for (const lease of this.#leases.on(node)) {
      if (outlook === 'up' && lease.state === 'connecting') {
        waitedMs = Math.max(waitedMs, nowMs - lease.sinceMs);
        lease.readyMs = nowMs;
        this.#leases.setState(lease, 'idle', nowMs);
      } else if (outlook === 'awaited' && lease.state === 'idle') {
        this.#leases.setState(lease, 'connecting', nowMs);
      } else if ((outlook === 'unusable' || outlook === 'forgotten') && lease.state !== 'used') {
        this.#end(lease);
      }
    }
    this.#connectingTime.giveBack(waitedMs, nowMs);
    this.#balance(nowMs);
  }

  tick(nowMs: number): void {
    for (const lease of [...this.#leases.connecting, ...this.#leases.idle])
      if (nowMs >= this.#endMs(lease)) this.#end(lease);
    this.#balance(nowMs);
  }

  nextTickMs(nowMs: number): number {
    let next = Math.min(this.#requests.nextTickMs(nowMs), this.#connectingTime.spentAtMs(nowMs));
    for (const lease of this.#leases.connecting) next = Math.min(next, this.#endMs(lease));
    for (const lease of this.#leases.idle) next = Math.min(next, this.#endMs(lease));
    return next;
  }

  /** When a lease without a job is released. A lease that waits for its node is kept until the outcome is known. */
  #endMs({ state, sinceMs, isOrphan }: UserLease): number {
    if (isOrphan) return this.#downMs + ORPHAN_LIMIT_MS;
    return state === 'idle' ? sinceMs + IDLE_LIMIT_MS : Infinity;
  }

  #mayWait({ node, isLost, isOrphan }: UserLease): boolean {
    return !isLost && !isOrphan && this.#nodes.get(node) === 'awaited';
  }

  #mayServeAgain(lease: UserLease, nowMs: number): boolean {
    if (lease.isLost || this.#nodes.get(lease.node) !== 'up') return false;
    if (lease.isOrphan) return !this.#isUp && nowMs < this.#downMs + ORPHAN_LIMIT_MS;
    const keptUntilMs = Math.min(lease.keptUntilMs, lease.readyMs + KEEP_LIMIT_MS);
    return nowMs < Math.max(lease.readyMs + USE_LIMIT_MS, keptUntilMs);
  }

  #end(lease: UserLease): void {
    this.#drop(lease);
    if (!lease.isOrphan) this.#emit({ kind: 'release', lease: lease.id });
  }

  #drop(lease: UserLease): void {
    this.#leases.drop(lease);
    this.#emit({ kind: 'held', node: lease.node });
  }

  #setNode(node: string, state: NodeOutlook | undefined): void {
    const isLeft = (known: NodeOutlook | undefined): number => (known === undefined || known === 'unusable' ? 0 : 1);
    this.#nodesLeft += isLeft(state) - isLeft(this.#nodes.get(node));
    // Reinserted at the end, because a broker only considers the newest if there are many.
    this.#nodes.delete(node);
    if (state) this.#nodes.set(node, state);
  }

  #balance(nowMs: number): void {
    this.#connectingTime.note(this.#leases.connecting.size > 0, nowMs);
    const ready = [...this.#leases.idle, ...this.#leases.connecting].map(({ node }) => node);
    const leases = { held: this.#leases.size, ready };
    this.#requests.balance(leases, () => this.#unusable(), nowMs);
  }

  #unusable(): string[] {
    return [...this.#nodes].filter(([, state]) => state === 'unusable').map(([node]) => node);
  }
}
