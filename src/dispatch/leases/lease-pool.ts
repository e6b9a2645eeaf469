/**
 * The slots that the broker gave this user: a lease that no job uses is a free slot. Pure: what the broker, the nodes
 * and the jobs do comes in with a time; what is to be said and stopped goes out. Unaware of sockets and of the queue.
 *
 *   leased ─▶ connecting ⇄ idle ⇄ used ─▶ released        (each lease exactly once; an orphan is not released but
 *                 └──────────┴──────────▶ released         dropped: its broker is gone and releases it itself)
 */
import { LeaseRequests, type RequestEffect } from './lease-requests.ts';

/**
 * A lease serves jobs for so long, and longer where the broker says that nobody else waits; then the leader decides anew
 * whose turn it is. That keeps users fair.
 */
const USE_LIMIT_MS = 3_000;
/** However long it may be kept: by then another node may be free that is faster, and what was said of who waits is old. */
const KEEP_LIMIT_MS = 30_000;
/** A slot that this user has no job for is somebody else's, but a round trip for every job would be a waste. */
const IDLE_LIMIT_MS = 500;
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
  /** The broker has said that it may be used until then, however long that is. */
  keptUntilMs: number;
  /** Its broker is gone. */
  isOrphan: boolean;
  isLost: boolean;
}

const FRESH = { keptUntilMs: -Infinity, isOrphan: false, isLost: false };

/** Node → what is known of the way there. A node not in it is being connected for the first time. */
type NodeState = 'up' | 'awaited' | 'unusable';

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
  /** Known nodes that are not unusable. */
  #nodesLeft = 0;
  #isUp = false;
  #downMs = -Infinity;
  /** Undefined until the broker has said what the cluster has. */
  #capacity: number | undefined;

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

  /** Was request `id` made, and neither answered nor taken back? */
  isAsked(id: number): boolean {
    return this.#requests.isOpen(id);
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

  /** May a slot come that `job` can use? Else it need not wait for one. */
  mayServe(job: number, excluded: Pick<ReadonlySet<string>, 'has'>): boolean {
    if (this.#isUp && this.#requests.isRefused(job)) return false;
    // A leader that is new knows of no slots at first, but what is held is held.
    const isAnyThere = this.#isUp && this.#capacity !== 0;
    return isAnyThere || [...this.#held.keys()].some((node) => !excluded.has(node));
  }

  /**
   * The slots that this user's jobs may count on: all of the cluster's while it gives what is asked for, else what is held.
   * Infinity while the broker has not said what the cluster has: that is worth waiting for.
   */
  expectedSlots(nowMs: number): number {
    if (this.#isUp && this.#capacity === undefined) return Infinity;
    const held = this.#leases.size;
    const isCutOff = this.#nodesLeft === 0 && this.#nodes.size > 0 && this.#connecting.size === 0;
    if (!this.#isUp || isCutOff || this.#requests.isScarce(nowMs)) return held;
    return Math.max(held, this.#capacity ?? 0);
  }

  linkUp(nowMs: number): void {
    this.#isUp = true;
    // Their slots may be others' by now; what runs under them ends in its own time.
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
    // A broker looks at the last of a job's many excluded nodes only.
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

  /** Nobody else waits for these slots: each may serve for so long from now on. At 0, somebody may. */
  keep(ids: readonly string[], forMs: number, nowMs: number): void {
    for (const id of ids) {
      const lease = this.#leases.get(id);
      if (lease) lease.keptUntilMs = nowMs + forMs;
    }
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

  /** Not usable yet, or not now, but likely to be in a moment: its free slots wait for that. */
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
  }

  /** Refused or lost. Nothing is asked of it until it is up again, or forgotten. */
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
    for (const lease of this.#connecting) next = Math.min(next, this.#endMs(lease));
    for (const lease of this.#idle) next = Math.min(next, this.#endMs(lease));
    return next;
  }

  /** When a lease without a job is given up. One that waits for its node waits until somebody says what came of that. */
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
    // Put last: a broker looks at the newest only where there are many.
    this.#nodes.delete(node);
    if (state) this.#nodes.set(node, state);
  }

  #balance(nowMs: number): void {
    const ready = [...this.#idle, ...this.#connecting].map(({ node }) => node);
    const leases = { held: this.#leases.size, ready };
    this.#requests.balance(leases, () => this.#unusable(), nowMs);
  }

  #unusable(): string[] {
    return [...this.#nodes].filter(([, state]) => state === 'unusable').map(([node]) => node);
  }
}
