/**
 * The slots that the broker gave this user: a lease that no job uses is a free slot. Pure: what the broker, the nodes
 * and the jobs do comes in with a time; what is to be said and stopped goes out. Unaware of sockets and of the queue.
 *
 *   leased ─▶ connecting ─▶ idle ⇄ used ─▶ released        (each lease exactly once; an orphan is not released but
 *                 └───────────┴──────────▶ released         dropped: its broker is gone and releases it itself)
 */
import { LeaseRequests, type RequestEffect } from './lease-requests.ts';

/** A lease serves jobs for so long in all; then the leader decides anew whose turn it is. That keeps users fair. */
const USE_LIMIT_MS = 3_000;
/** A slot that this user has no job for is somebody else's, but a round trip for every job would be a waste. */
const IDLE_LIMIT_MS = 500;
/** A lease waits so long for its node's connection. Then others may have the slot, and this user asks elsewhere. */
const CONNECT_LIMIT_MS = 5_000;
/** Without a broker, what was held stays in use so long. Nodes end unrenewed leases sooner: no more than was held is over. */
const ORPHAN_LIMIT_MS = 60_000;

export type LeaseEffect =
  | RequestEffect
  | { readonly kind: 'release'; readonly lease: string }
  /** What runs under this lease must end at once; it is released when the job has ended. */
  | { readonly kind: 'stop'; readonly lease: string; readonly reason: string }
  /** How many leases of this node are held has changed. */
  | { readonly kind: 'held'; readonly node: string };

interface Lease {
  readonly id: string;
  readonly node: string;
  state: 'connecting' | 'idle' | 'used';
  /** When it got into its state. */
  sinceMs: number;
  /** When its first job could have begun. */
  readyMs: number;
  /** Its broker is gone. */
  isOrphan: boolean;
  isLost: boolean;
}

/** Node → what is known of the way there. A node not in it is being connected. */
type NodeState = 'up' | 'unusable';

export interface LeasedSlot {
  readonly lease: string;
  readonly node: string;
}

export class LeasePool {
  readonly #emit: (effect: LeaseEffect) => void;
  readonly #requests: LeaseRequests;
  readonly #leases = new Map<string, Lease>();
  readonly #connecting = new Set<Lease>();
  readonly #idle = new Set<Lease>();
  /** Leases by node. */
  readonly #held = new Map<string, Set<Lease>>();
  readonly #nodes = new Map<string, NodeState>();
  #nodesUp = 0;
  #isUp = false;
  #downMs = -Infinity;
  #capacity = 0;

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

  /** Leases held on a node, used or not. */
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

  /** It has its place, or went away. */
  unwant(job: number, nowMs: number): void {
    this.#requests.remove(job);
    this.#balance(nowMs);
  }

  /** Takes a free slot; to be given back once by `release`. */
  acquire(excluded: ReadonlySet<string>, nowMs: number): LeasedSlot | undefined {
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
    if (this.#mayServeAgain(lease, nowMs)) this.#setState(lease, 'idle', nowMs);
    else this.#end(lease);
    this.#balance(nowMs);
  }

  /** May a slot come that `job` can use? Else it need not wait for one. */
  mayServe(job: number, excluded: ReadonlySet<string>): boolean {
    if (this.#isUp) return this.#capacity > 0 && !this.#requests.isRefused(job);
    return [...this.#held.keys()].some((node) => !excluded.has(node));
  }

  /** The slots that this user's jobs may count on: all of the cluster's while it gives what is asked for, else what is held. */
  expectedSlots(nowMs: number): number {
    const held = this.#leases.size - this.#connecting.size;
    const isCutOff = this.#nodesUp === 0 && this.#nodes.size > 0 && this.#connecting.size === 0;
    if (!this.#isUp || isCutOff || this.#requests.isScarce(nowMs)) return held;
    return Math.max(held, this.#capacity);
  }

  linkUp(nowMs: number): void {
    this.#isUp = true;
    this.#capacity = 0;
    // Their slots may be others' by now; what runs under them ends in its own time.
    for (const lease of this.#leases.values()) if (lease.isOrphan && lease.state !== 'used') this.#drop(lease);
    this.#requests.begin();
    this.#balance(nowMs);
  }

  linkDown(nowMs: number): void {
    this.#isUp = false;
    this.#downMs = nowMs;
    this.#capacity = 0;
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
    const isUsable = this.#nodes.get(node) !== 'unusable';
    if (!isUsable) this.#requests.refused(request, nowMs);
    if (!isUsable || !this.#requests.granted(request)) {
      this.#emit({ kind: 'release', lease: id });
    } else {
      const state = this.#nodes.get(node) === 'up' ? 'idle' : 'connecting';
      this.#add({ id, node, state, sinceMs: nowMs, readyMs: nowMs, isOrphan: false, isLost: false });
    }
    this.#balance(nowMs);
  }

  none(request: number, nowMs: number): void {
    this.#requests.refused(request, nowMs);
    this.#balance(nowMs);
  }

  /** The node takes its slot back, or gave it up. */
  lost(id: string, reason: string, nowMs: number): void {
    const lease = this.#leases.get(id);
    if (!lease || lease.isLost) return;
    lease.isLost = true;
    if (lease.state === 'used') this.#emit({ kind: 'stop', lease: id, reason });
    else this.#end(lease);
    this.#balance(nowMs);
  }

  nodeUp(node: string, nowMs: number): void {
    this.#setNode(node, 'up');
    for (const lease of this.#held.get(node) ?? []) {
      if (lease.state !== 'connecting') continue;
      lease.readyMs = nowMs;
      this.#setState(lease, 'idle', nowMs);
    }
  }

  /** Refused or lost. Nothing is asked of it until it is up again, or forgotten. */
  nodeUnusable(node: string, nowMs: number): void {
    this.#setNode(node, 'unusable');
    for (const lease of this.#held.get(node) ?? []) if (lease.state !== 'used') this.#end(lease);
    this.#balance(nowMs);
  }

  nodeForgotten(node: string): void {
    this.#setNode(node, undefined);
  }

  tick(nowMs: number): void {
    for (const lease of [...this.#connecting, ...this.#idle]) {
      // A node that took too long takes its other leases along.
      if (nowMs < this.#endMs(lease) || !this.#leases.has(lease.id)) continue;
      if (lease.state === 'connecting' && !lease.isOrphan) this.nodeUnusable(lease.node, nowMs);
      else this.#end(lease);
    }
    this.#balance(nowMs);
  }

  nextTickMs(nowMs: number): number {
    let next = this.#requests.nextTickMs(nowMs);
    for (const lease of this.#connecting) next = Math.min(next, this.#endMs(lease));
    for (const lease of this.#idle) next = Math.min(next, this.#endMs(lease));
    return next;
  }

  /** When a lease without a job is given up. */
  #endMs({ state, sinceMs, isOrphan }: Lease): number {
    if (isOrphan) return this.#downMs + ORPHAN_LIMIT_MS;
    return sinceMs + (state === 'idle' ? IDLE_LIMIT_MS : CONNECT_LIMIT_MS);
  }

  #mayServeAgain(lease: Lease, nowMs: number): boolean {
    if (lease.isLost || this.#nodes.get(lease.node) !== 'up') return false;
    if (lease.isOrphan) return !this.#isUp && nowMs < this.#downMs + ORPHAN_LIMIT_MS;
    return nowMs - lease.readyMs < USE_LIMIT_MS;
  }

  #setState(lease: Lease, state: 'idle' | 'used', nowMs: number): void {
    this.#connecting.delete(lease);
    if (state === 'idle') this.#idle.add(lease);
    else this.#idle.delete(lease);
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

  #setNode(node: string, state: NodeState | undefined): void {
    if (this.#nodes.get(node) === 'up') this.#nodesUp -= 1;
    if (state === 'up') this.#nodesUp += 1;
    // Put last: a broker looks at the newest only where there are many.
    this.#nodes.delete(node);
    if (state) this.#nodes.set(node, state);
  }

  #balance(nowMs: number): void {
    this.#requests.balance(this.#idle.size + this.#connecting.size, () => this.#unusable(), nowMs);
  }

  #unusable(): string[] {
    return [...this.#nodes].filter(([, state]) => state === 'unusable').map(([node]) => node);
  }
}
