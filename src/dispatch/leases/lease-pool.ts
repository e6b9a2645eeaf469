/**
 * Pool of the leases that the broker granted this user: a lease that no job uses is a free slot. Pure: events of the
 * broker, nodes and jobs come in with a time; releases, requests and stops go out. Unaware of sockets and of the queue.
 *
 *   leased ─▶ connecting ⇄ idle ⇄ used ─▶ released        (each lease exactly once; an orphan is dropped
 *                 └──────────┴──────────▶ released         instead: its broker is gone and releases it itself)
 */
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

/**
 * Slots of the cluster count as expected for this long without a lease that can be used. A holder of the cluster's key
 * could otherwise keep jobs from local slots by granting leases on ever new nodes that never come up.
 */
const FRUITLESS_LIMIT_MS = 10_000;

/** What the pool's owner must do. */
export type LeaseEffect =
  | RequestEffect
  | { readonly kind: 'release'; readonly lease: string }
  /** The job under this lease must end at once; the lease is released when it has. */
  | { readonly kind: 'stop'; readonly lease: string; readonly reason: string }
  /** The number of leases held on this node has changed. */
  | { readonly kind: 'held'; readonly node: string };

interface Lease {
  readonly id: string;
  readonly node: string;
  state: 'connecting' | 'idle' | 'used';
  /** When the lease entered its state. */
  sinceMs: number;
  /** When the lease's first job could have started. */
  readyMs: number;
  /** The broker allowed use until this time; KEEP_LIMIT_MS still applies. */
  keptUntilMs: number;
  /** The broker that granted the lease is gone. */
  isOrphan: boolean;
  isLost: boolean;
}

const FRESH = { keptUntilMs: -Infinity, isOrphan: false, isLost: false };

/** State of the connection to a node. A node without an entry is being connected for the first time. */
type NodeState = 'up' | 'awaited' | 'unusable';

/** A free slot that a job took. */
export interface LeasedSlot {
  readonly lease: string;
  readonly node: string;
}

/** Leases and requests of this user. */
export class LeasePool {
  readonly #emit: (effect: LeaseEffect) => void;
  readonly #requests: LeaseRequests;
  readonly #leases = new Map<string, Lease>();
  readonly #connecting = new Set<Lease>();
  readonly #idle = new Set<Lease>();
  /** Leases by node. */
  readonly #held = new Map<string, Set<Lease>>();
  readonly #nodes = new Map<string, NodeState>();
  /** Number of known nodes that are not unusable. */
  #nodesLeft = 0;
  #isUp = false;
  #downMs = -Infinity;
  /** Slots of the cluster; undefined until the broker has reported them. */
  #capacity: number | undefined;
  /** Since when there have been leases and none that a job can use; undefined while there is one, or no lease at all. */
  #fruitlessSinceMs: number | undefined;

  constructor(emit: (effect: LeaseEffect) => void) {
    this.#emit = emit;
    this.#requests = new LeaseRequests(emit);
  }

  /** No slot is free now. */
  get isFull(): boolean {
    return this.#idle.size === 0;
  }

  get size(): number {
    return this.#leases.size;
  }

  get open(): number {
    return this.#requests.open;
  }

  get waiting(): number {
    return this.#requests.waiting;
  }

  /** True if request `id` was made, and neither answered nor cancelled. */
  isAsked(id: number): boolean {
    return this.#requests.isOpen(id);
  }

  /** Leases held on a node, in use or not. */
  held(node: string): number {
    return this.#held.get(node)?.size ?? 0;
  }

  inUse(node: string): number {
    let count = 0;
    for (const { state } of this.#held.get(node) ?? []) if (state === 'used') count += 1;
    return count;
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
    for (const lease of this.#idle) {
      if (excluded.has(lease.node)) continue;
      this.#setState(lease, 'used', nowMs);
      this.#requests.noteUse(nowMs);
      return { lease: lease.id, node: lease.node };
    }
    return undefined;
  }

  /** The job under the lease has ended. */
  release(id: string, nowMs: number): void {
    const lease = this.#leases.get(id);
    if (lease?.state !== 'used') throw new RangeError(`lease ${id} is not in use`);
    if (this.#mayWait(lease)) this.#setState(lease, 'connecting', nowMs);
    else if (this.#mayServeAgain(lease, nowMs)) this.#setState(lease, 'idle', nowMs);
    else this.#end(lease);
    this.#balance(nowMs);
  }

  /** False if no slot will come that `job` can use, so that the job need not wait for one. */
  mayServe(job: number, excluded: Pick<ReadonlySet<string>, 'has'>): boolean {
    if (this.#isUp && this.#requests.isRefused(job)) return false;
    // A new leader knows of no slots at first, but held leases remain.
    const isAnyThere = this.#isUp && this.#capacity !== 0;
    return isAnyThere || [...this.#held.keys()].some((node) => !excluded.has(node));
  }

  /**
   * Slots that this user's jobs may count on: all of the cluster's while it grants requests, and otherwise the held
   * ones. Infinity until the broker has reported the cluster's slots: that is worth waiting for.
   */
  expectedSlots(nowMs: number): number {
    if (this.#isUp && this.#capacity === undefined) return Infinity;
    const held = this.#leases.size;
    if (this.#isFruitless(nowMs)) return held - this.#connecting.size;
    const isCutOff = this.#nodesLeft === 0 && this.#nodes.size > 0 && this.#connecting.size === 0;
    if (!this.#isUp || isCutOff || this.#requests.isScarce(nowMs)) return held;
    return Math.max(held, this.#capacity ?? 0);
  }

  /** A build begins: nodes that did not come up may do so now. */
  renew(): void {
    this.#fruitlessSinceMs = undefined;
  }

  linkUp(nowMs: number): void {
    this.#isUp = true;
    this.renew();
    // Their slots may belong to other users by now; jobs under them run to their end.
    for (const lease of this.#leases.values()) if (lease.isOrphan && lease.state !== 'used') this.#drop(lease);
    this.#requests.begin();
    this.#balance(nowMs);
  }

  linkDown(nowMs: number): void {
    this.#isUp = false;
    this.#downMs = nowMs;
    this.#capacity = undefined;
    for (const lease of this.#leases.values()) lease.isOrphan = true;
    this.#requests.end();
  }

  setCapacity(slots: number, nowMs: number): void {
    this.#capacity = slots;
    this.#requests.setCapacity(slots);
    this.#balance(nowMs);
  }

  leased(request: number, id: string, node: string, nowMs: number): void {
    if (this.#leases.has(id)) return;
    // A broker only considers the last of a job's many excluded nodes.
    const isUsable = this.#nodes.get(node) !== 'unusable' && !this.#requests.excludes(request, node);
    if (!isUsable) this.#requests.refused(request, nowMs);
    if (!isUsable || !this.#requests.granted(request)) {
      this.#emit({ kind: 'release', lease: id });
    } else {
      const state = this.#nodes.get(node) === 'up' ? 'idle' : 'connecting';
      this.#add({ id, node, state, sinceMs: nowMs, readyMs: nowMs, ...FRESH });
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

  /** The node is not usable yet or now, but probably soon: its free slots wait for that. */
  nodeAwaited(node: string, nowMs: number): void {
    this.#setNode(node, 'awaited');
    for (const lease of this.#held.get(node) ?? [])
      if (lease.state === 'idle') this.#setState(lease, 'connecting', nowMs);
  }

  nodeUp(node: string, nowMs: number): void {
    this.#setNode(node, 'up');
    for (const lease of this.#held.get(node) ?? []) {
      if (lease.state !== 'connecting') continue;
      lease.readyMs = nowMs;
      this.#setState(lease, 'idle', nowMs);
    }
    this.#noteFruit(nowMs);
  }

  /** The node was refused or lost. No slot is requested of it until it is up again, or forgotten. */
  nodeUnusable(node: string, nowMs: number): void {
    this.#leaveNode(node, 'unusable', nowMs);
  }

  nodeForgotten(node: string, nowMs: number): void {
    this.#leaveNode(node, undefined, nowMs);
  }

  tick(nowMs: number): void {
    for (const lease of [...this.#connecting, ...this.#idle]) if (nowMs >= this.#endMs(lease)) this.#end(lease);
    this.#balance(nowMs);
  }

  nextTickMs(nowMs: number): number {
    let next = this.#requests.nextTickMs(nowMs);
    const fruitlessFromMs = (this.#fruitlessSinceMs ?? Infinity) + FRUITLESS_LIMIT_MS;
    if (fruitlessFromMs > nowMs) next = Math.min(next, fruitlessFromMs);
    for (const lease of this.#connecting) next = Math.min(next, this.#endMs(lease));
    for (const lease of this.#idle) next = Math.min(next, this.#endMs(lease));
    return next;
  }

  /** When a lease without a job is released. A lease that waits for its node is kept until the outcome is known. */
  #endMs({ state, sinceMs, isOrphan }: Lease): number {
    if (isOrphan) return this.#downMs + ORPHAN_LIMIT_MS;
    return state === 'idle' ? sinceMs + IDLE_LIMIT_MS : Infinity;
  }

  #mayWait({ node, isLost, isOrphan }: Lease): boolean {
    return !isLost && !isOrphan && this.#nodes.get(node) === 'awaited';
  }

  #mayServeAgain(lease: Lease, nowMs: number): boolean {
    if (lease.isLost || this.#nodes.get(lease.node) !== 'up') return false;
    if (lease.isOrphan) return !this.#isUp && nowMs < this.#downMs + ORPHAN_LIMIT_MS;
    const keptUntilMs = Math.min(lease.keptUntilMs, lease.readyMs + KEEP_LIMIT_MS);
    return nowMs < Math.max(lease.readyMs + USE_LIMIT_MS, keptUntilMs);
  }

  #setState(lease: Lease, state: Lease['state'], nowMs: number): void {
    this.#connecting.delete(lease);
    this.#idle.delete(lease);
    if (state === 'idle') this.#idle.add(lease);
    if (state === 'connecting') this.#connecting.add(lease);
    lease.state = state;
    lease.sinceMs = nowMs;
  }

  #add(lease: Lease): void {
    const { id, node, state } = lease;
    this.#leases.set(id, lease);
    (state === 'idle' ? this.#idle : this.#connecting).add(lease);
    this.#held.set(node, (this.#held.get(node) ?? new Set()).add(lease));
    this.#emit({ kind: 'held', node });
  }

  #end(lease: Lease): void {
    this.#drop(lease);
    if (!lease.isOrphan) this.#emit({ kind: 'release', lease: lease.id });
  }

  #drop(lease: Lease): void {
    const { id, node } = lease;
    this.#leases.delete(id);
    this.#connecting.delete(lease);
    this.#idle.delete(lease);
    const onNode = this.#held.get(node);
    onNode?.delete(lease);
    if (onNode?.size === 0) this.#held.delete(node);
    this.#emit({ kind: 'held', node });
  }

  #leaveNode(node: string, state: 'unusable' | undefined, nowMs: number): void {
    this.#setNode(node, state);
    for (const lease of this.#held.get(node) ?? []) if (lease.state !== 'used') this.#end(lease);
    this.#balance(nowMs);
  }

  #setNode(node: string, state: NodeState | undefined): void {
    const isLeft = (known: NodeState | undefined): number => (known === undefined || known === 'unusable' ? 0 : 1);
    this.#nodesLeft += isLeft(state) - isLeft(this.#nodes.get(node));
    // Reinserted at the end, because a broker only considers the newest if there are many.
    this.#nodes.delete(node);
    if (state) this.#nodes.set(node, state);
  }

  #isFruitless(nowMs: number): boolean {
    return this.#fruitlessSinceMs !== undefined && nowMs >= this.#fruitlessSinceMs + FRUITLESS_LIMIT_MS;
  }

  /** A moment without any lease, between one that failed and the next, is no success. */
  #noteFruit(nowMs: number): void {
    if (this.#connecting.size < this.#leases.size) this.#fruitlessSinceMs = undefined;
    else if (this.#connecting.size > 0) this.#fruitlessSinceMs ??= nowMs;
  }

  #balance(nowMs: number): void {
    this.#noteFruit(nowMs);
    const ready = [...this.#idle, ...this.#connecting].map(({ node }) => node);
    const leases = { held: this.#leases.size, ready };
    this.#requests.balance(leases, () => this.#unusable(), nowMs);
  }

  #unusable(): string[] {
    return [...this.#nodes].filter(([, state]) => state === 'unusable').map(([node]) => node);
  }
}
