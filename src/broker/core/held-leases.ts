/**
 * The leases that this host's jobs hold on nodes. They are renewed while in use, and their release is repeated until
 * the node acknowledges it. Unaware of requests and leaders.
 */
import type { Outbox } from './effects.ts';
import { MAX_LEASES, MAX_UNASKED_LEASES } from './limits.ts';
import type { LeaseName, LossReason, MessageOf, Peer } from './messages.ts';
import type { UserName } from '../../protocol/names.ts';
import type { Stamps } from './stamp.ts';
import * as timing from './timing.ts';
import { groupBy, chunk } from '../../util/lists.ts';

/**
 * `held`: in use and renewed. `stopping`: lost or revoked, its job is being stopped. `releasing`: until the node
 * acknowledges.
 */
interface HeldLease {
  readonly key: string;
  readonly name: LeaseName;
  readonly requestId: number;
  /** Undefined for an unsolicited lease, which is returned at once. */
  readonly user: UserName | undefined;
  readonly ttlMs: number;
  node: Peer;
  state: 'held' | 'stopping' | 'releasing';
  expiresMs: number;
  releaseMs: number;
  releaseTries: number;
}

/** What the table is given at its start. */
export interface HeldLeasesOptions {
  readonly outbox: Outbox;
  readonly stamps: Stamps;
  /** False while a node's word that no other waiter needs its slots cannot be trusted. */
  readonly mayExtend: () => boolean;
}

/** The client's table of leases. */
export class HeldLeases {
  readonly #outbox: Outbox;
  readonly #leases = new Map<string, HeldLease>();
  /** When the leases on each node are due for renewal. */
  readonly #renewMs = new Map<string, number>();
  #nextTickMs = Infinity;
  readonly #stamps: Stamps;
  readonly #mayExtend: () => boolean;

  constructor(options: HeldLeasesOptions) {
    this.#outbox = options.outbox;
    this.#stamps = options.stamps;
    this.#mayExtend = options.mayExtend;
  }

  get nextTickMs(): number {
    return this.#nextTickMs;
  }

  /** Number of leases in use. */
  get size(): number {
    let held = 0;
    for (const lease of this.#leases.values()) if (lease.state !== 'releasing') held++;
    return held;
  }

  /**
   * Adds a lease that a node has granted and returns its key; undefined if it is already known, or if there are too
   * many unsolicited leases.
   */
  add(node: Peer, message: MessageOf<'lease'>, user: UserName | undefined, nowMs: number): string | undefined {
    const { requestId, leaseId } = message;
    // Nodes never grant more.
    const ttlMs = Math.min(message.ttlMs, timing.LEASE_TTL_MS);
    const name = { bootId: node.bootId, leaseId };
    const key = leaseKey(node, name);
    if (this.#leases.has(key)) return undefined;
    if (user === undefined && this.#unasked >= MAX_UNASKED_LEASES) return undefined;
    // Counted from when it was requested, which was before the node started its own timer.
    const expiresMs = this.#stamps.momentMs(message.stamp, nowMs) + ttlMs;
    const fresh = { key, name, requestId, user, ttlMs, node, expiresMs, releaseMs: Infinity, releaseTries: 0 };
    this.#leases.set(key, { ...fresh, state: 'held' });
    const renewMs = this.#renewMs.get(node.nodeId) ?? Infinity;
    this.#renewMs.set(node.nodeId, Math.min(renewMs, nowMs + Math.min(timing.FIRST_RENEW_MS, ttlMs / 3)));
    this.#wake(nowMs);
    return key;
  }

  has(node: Peer, leaseId: number): boolean {
    return this.#leases.has(leaseKey(node, { bootId: node.bootId, leaseId }));
  }

  /** Number of unsolicited leases. */
  get #unasked(): number {
    let count = 0;
    for (const { user } of this.#leases.values()) if (user === undefined) count++;
    return count;
  }

  /** The job under this lease has ended. A no-op for an unknown lease. */
  release(key: string, nowMs: number): void {
    const lease = this.#leases.get(key);
    if (lease === undefined || lease.state === 'releasing') return;
    lease.state = 'releasing';
    lease.releaseMs = nowMs;
    this.#nextTickMs = Math.min(this.#nextTickMs, nowMs);
  }

  onRenewed(from: Peer, { stamp, held, gone, mayExtend }: MessageOf<'renewed'>, nowMs: number): void {
    const sentMs = this.#stamps.momentMs(stamp, nowMs);
    if (this.#renewMs.has(from.nodeId)) this.#renewMs.set(from.nodeId, nowMs + timing.LEASE_RENEW_MS);
    const inUse: string[] = [];
    for (const name of held) {
      const lease = this.#leases.get(leaseKey(from, name));
      if (lease === undefined) continue;
      lease.node = from;
      lease.expiresMs = Math.max(lease.expiresMs, sentMs + timing.LEASE_TTL_MS);
      if (lease.state === 'held') inUse.push(lease.key);
    }
    // Counted from when the renewal was sent: an answer that is read late says nothing about who is waiting now.
    const forMs = mayExtend && this.#mayExtend() ? Math.max(0, sentMs + timing.EXTEND_MS - nowMs) : 0;
    if (inUse.length > 0) this.#outbox.emit({ kind: 'extend', leases: inUse, forMs });
    this.lose(from, gone, 'gone');
  }

  /** Another waiter now needs these leases. */
  onWanted(from: Peer, names: readonly LeaseName[]): void {
    const keys = names.map((name) => leaseKey(from, name));
    const inUse = keys.filter((key) => this.#leases.get(key)?.state === 'held');
    if (inUse.length > 0) this.#outbox.emit({ kind: 'extend', leases: inUse, forMs: 0 });
  }

  onReleased(from: Peer, names: readonly LeaseName[]): void {
    for (const name of names) this.#leases.delete(leaseKey(from, name));
  }

  /** Requests that the jobs under these leases be stopped. */
  lose(from: Peer, names: readonly LeaseName[], reason: LossReason): void {
    for (const name of names) {
      const lease = this.#leases.get(leaseKey(from, name));
      if (lease?.state === 'held') this.#lose(lease, reason);
    }
  }

  tick(nowMs: number): void {
    if (nowMs < this.#nextTickMs) return;
    const releases: HeldLease[] = [];
    for (const lease of this.#leases.values()) {
      if (lease.state === 'held' && nowMs >= lease.expiresMs) this.#lose(lease, 'expired');
      if (lease.state !== 'releasing' || nowMs < lease.releaseMs) continue;
      if (lease.releaseTries++ >= timing.RELEASE_TRIES) this.#leases.delete(lease.key);
      else {
        lease.releaseMs = nowMs + timing.RELEASE_REPEAT_MS;
        releases.push(lease);
      }
    }
    for (const leases of groupBy(releases, ({ node }) => node.nodeId).values()) this.#sendReleases(leases);
    for (const [nodeId, renewMs] of this.#renewMs) if (nowMs >= renewMs) this.#renew(nodeId, nowMs);
    this.#wake(nowMs);
  }

  #renew(nodeId: string, nowMs: number): void {
    // A lease in `stopping` keeps its slot until its job has gone.
    const held = [...this.#leases.values()].filter(
      ({ node, state }) => node.nodeId === nodeId && state !== 'releasing',
    );
    for (const [user, leases] of groupBy(held, (lease) => lease.user)) {
      if (user === undefined) continue;
      for (const some of chunk(leases, MAX_LEASES)) {
        const names = some.map((lease) => ({ ...lease.name, requestId: lease.requestId }));
        this.#outbox.toPeer(some[0].node, { kind: 'renew', stamp: this.#stamps.make(nowMs), user, leases: names });
      }
    }
    // Repeat until the node answers.
    if (held.length > 0) this.#renewMs.set(nodeId, nowMs + timing.RENEW_REPEAT_MS);
    else this.#renewMs.delete(nodeId);
  }

  #sendReleases(leases: readonly HeldLease[]): void {
    for (const some of chunk(leases, MAX_LEASES)) {
      this.#outbox.toPeer(some[0].node, { kind: 'release', leases: some.map((lease) => lease.name) });
    }
  }

  #lose(lease: HeldLease, reason: LossReason): void {
    lease.state = 'stopping';
    this.#outbox.emit({ kind: 'lost', lease: lease.key, reason });
  }

  #wake(nowMs: number): void {
    let next = Infinity;
    for (const lease of this.#leases.values()) {
      if (lease.state === 'held') next = Math.min(next, lease.expiresMs);
      else if (lease.state === 'releasing') next = Math.min(next, lease.releaseMs);
    }
    for (const renewMs of this.#renewMs.values()) next = Math.min(next, renewMs);
    this.#nextTickMs = Math.max(next, nowMs);
  }
}

function leaseKey(node: Peer, name: LeaseName): string {
  return `${node.nodeId}/${name.bootId}/${name.leaseId}`;
}
