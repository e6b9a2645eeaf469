/**
 * Pool of the leases that the broker granted this user: a lease that no job uses is a free slot. Pure: events of the
 * broker, nodes and jobs come in with a time; releases and stops go out. Unaware of how leases are requested.
 *
 *   leased ─▶ connecting ⇄ idle ⇄ used ─▶ released        (each lease exactly once; an orphan is dropped
 *                 └──────────┴──────────▶ released         instead: its broker is gone and releases it itself)
 */
import type { NodeOutlook } from './leased-nodes.ts';
import type { NodeOutlooks } from './node-outlooks.ts';
import { UserLeases, type UserLease } from './user-leases.ts';

/**
 * A lease serves jobs for this long, and longer if the broker says that no other user waits; then the leader decides
 * again which user is next. That keeps users fair.
 */
const USE_LIMIT_MS = 3_000;
/**
 * Upper limit on extensions: by then a faster node may be free, and the broker's word on waiting users is out of date.
 */
const EXTEND_LIMIT_MS = 30_000;
/** A lease that this user has no job for should go to others, but a round trip for every job would be a waste. */
const IDLE_LIMIT_MS = 500;
/**
 * Without a broker, held leases stay in use for this long. Nodes end unrenewed leases sooner, and no more is used than
 * was held.
 */
const ORPHAN_LIMIT_MS = 60_000;

/** What the pool's owner must do. */
export type PoolEffect =
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

/** Leases of this user. */
export class LeasePool {
  readonly #nodes: Pick<NodeOutlooks, 'of'>;
  readonly #emit: (effect: PoolEffect) => void;
  readonly #leases = new UserLeases();
  #isUp = false;
  #downMs = -Infinity;

  constructor(nodes: Pick<NodeOutlooks, 'of'>, emit: (effect: PoolEffect) => void) {
    this.#nodes = nodes;
    this.#emit = emit;
  }

  /** No slot is free now. */
  get isFull(): boolean {
    return this.#leases.idle.size === 0;
  }

  /** What is held. */
  get leases(): Pick<UserLeases, 'size' | 'get' | 'connecting' | 'nodes' | 'held' | 'inUse'> {
    return this.#leases;
  }

  /** Nodes of the leases that are free for the next jobs, or will be soon. */
  get ready(): string[] {
    return [...this.#leases.idle, ...this.#leases.connecting].map(({ node }) => node);
  }

  /** Takes a free slot, which must be given back once by `release`. */
  acquire(excluded: Pick<ReadonlySet<string>, 'has'>, nowMs: number): LeasedSlot | undefined {
    for (const lease of this.#leases.idle) {
      if (excluded.has(lease.node)) continue;
      this.#leases.setState(lease, 'used', nowMs);
      return { lease: lease.id, node: lease.node };
    }
    return undefined;
  }

  /**
   * The job under the lease has ended.
   * @throws RangeError if no job runs under it
   */
  release(id: string, nowMs: number): void {
    const lease = this.#leases.get(id);
    if (lease?.state !== 'used') throw new RangeError(`lease ${id} is not in use`);
    if (this.#mayWait(lease)) this.#leases.setState(lease, 'connecting', nowMs);
    else if (this.#mayServeAgain(lease, nowMs)) this.#leases.setState(lease, 'idle', nowMs);
    else this.#end(lease);
  }

  /** A lease was granted that is not in the pool. */
  add(id: string, node: string, nowMs: number): void {
    this.#leases.add(id, node, this.#nodes.of(node) === 'up', nowMs);
    this.#emit({ kind: 'held', node });
  }

  /** A broker answers: leases of an earlier one serve no further jobs. */
  linkUp(): void {
    this.#isUp = true;
    // Their slots may belong to other users by now; jobs under them run to their end.
    for (const lease of this.#leases.all()) if (lease.isOrphan && lease.state !== 'used') this.#drop(lease);
  }

  /** No broker answers: its leases are released by their nodes. */
  linkDown(nowMs: number): void {
    this.#isUp = false;
    this.#downMs = nowMs;
    for (const lease of this.#leases.all()) lease.isOrphan = true;
  }

  /** Extends leases by `forMs` from now, because no other user waits for their slots; 0 withdraws an extension. */
  extend(ids: readonly string[], forMs: number, nowMs: number): void {
    for (const id of ids) {
      const lease = this.#leases.get(id);
      if (lease) lease.extendedUntilMs = nowMs + forMs;
    }
  }

  /** The node revoked its slot, or gave it up. */
  lost(id: string, reason: string): void {
    const lease = this.#leases.get(id);
    if (!lease || lease.isLost) return;
    lease.isLost = true;
    if (lease.state === 'used') this.#emit({ kind: 'stop', lease: id, reason });
    else this.#end(lease);
  }

  /**
   * The outlook for a node has changed.
   * @returns how long leases had waited for the node that serve from now on; 0 if there are none
   */
  noteNode(node: string, outlook: NodeOutlook | 'forgotten', nowMs: number): number {
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
    return waitedMs;
  }

  /** Time passed: ends leases that no job has used for too long. */
  tick(nowMs: number): void {
    for (const lease of [...this.#leases.connecting, ...this.#leases.idle])
      if (nowMs >= this.#endMs(lease)) this.#end(lease);
  }

  /** When `tick` must be called even if nothing happens. */
  nextTickMs(): number {
    let next = Infinity;
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
    return !isLost && !isOrphan && this.#nodes.of(node) === 'awaited';
  }

  #mayServeAgain(lease: UserLease, nowMs: number): boolean {
    if (lease.isLost || this.#nodes.of(lease.node) !== 'up') return false;
    if (lease.isOrphan) return !this.#isUp && nowMs < this.#downMs + ORPHAN_LIMIT_MS;
    const extendedUntilMs = Math.min(lease.extendedUntilMs, lease.readyMs + EXTEND_LIMIT_MS);
    return nowMs < Math.max(lease.readyMs + USE_LIMIT_MS, extendedUntilMs);
  }

  #end(lease: UserLease): void {
    this.#drop(lease);
    if (!lease.isOrphan) this.#emit({ kind: 'release', lease: lease.id });
  }

  #drop(lease: UserLease): void {
    this.#leases.drop(lease);
    this.#emit({ kind: 'held', node: lease.node });
  }
}
