/**
 * A node's part: answers offers, and grants, keeps and ends its leases. The node is authoritative for its slots:
 * whatever leaders believe, it never grants more than it has. Unaware of how load is measured, because it is told
 * whether it is available, and of when its slots are reported (slot-reports.ts).
 */
import type { Outbox } from './effects.ts';
import { type Lease, LeaseTable } from './lease.ts';
import { MAX_LEASES, MAX_USERS_REPORTED } from './limits.ts';
import type { DeclineReason, LeaseName, LossReason, Message, MessageOf, Peer, Waiter } from './messages.ts';
import type { UserName } from '../../protocol/names.ts';
import { SlotReports } from './slot-reports.ts';
import { groupBy, chunk } from '../../util/lists.ts';

/** The node's settings and its availability. */
export interface NodeState {
  /** The node accepts work: foreign load is below the marks and the node is not drained. */
  readonly available: boolean;
  readonly slots: number;
  readonly speed: number;
}

/** Snapshot of a node for status displays. */
export interface MemberStatus {
  readonly slots: number;
  readonly inUse: number;
  /** Leases in `inUse` that have not been revoked. */
  readonly staying: number;
  /** The node grants slots now. */
  readonly available: boolean;
}

/** Everything a member is given at its start. */
export interface MemberOptions {
  readonly self: Peer;
  readonly random: () => number;
  readonly outbox: Outbox;
  readonly nowMs: number;
  /** Jobs of an earlier boot may still be running: grant nothing new until their holders have had time to renew. */
  readonly holdMs: number;
}

/** The node part of a broker. */
export class Member {
  /** Reports of the slots to the leader. */
  readonly reports: SlotReports;
  readonly #self: Peer;
  readonly #outbox: Outbox;
  readonly #leases = new LeaseTable();
  #state: NodeState = { available: false, slots: 0, speed: 1 };
  #holdUntilMs: number;
  #lastLeaseId = 0;
  /** The waiters in the last heartbeat. If no leader is heard, the next one is elected within a second. */
  #waiters: readonly Waiter[] = [];

  constructor(options: MemberOptions) {
    this.#self = options.self;
    this.#outbox = options.outbox;
    this.reports = new SlotReports({
      outbox: options.outbox,
      random: options.random,
      isAvailable: () => this.available,
      describe: () => {
        const { slots, speed } = this.#state;
        return { slots, inUse: this.#leases.size, speed, users: this.#leases.users(MAX_USERS_REPORTED) };
      },
    });
    this.#holdUntilMs = options.nowMs + options.holdMs;
    if (options.holdMs === 0) this.#holdUntilMs = -Infinity;
  }

  get available(): boolean {
    return this.#state.available && this.#holdUntilMs === -Infinity;
  }

  get status(): MemberStatus {
    const { available } = this;
    const staying = this.#leases.newest().length;
    return { slots: this.#state.slots, inUse: this.#leases.size, staying, available };
  }

  get nextTickMs(): number {
    const holdMs = this.#holdUntilMs === -Infinity ? Infinity : this.#holdUntilMs;
    return Math.min(this.reports.nextTickMs, this.#leases.nextExpiryMs, holdMs);
  }

  setState(state: NodeState): void {
    const was = this.#state;
    if (state.available === was.available && state.slots === was.slots && state.speed === was.speed) return;
    this.#state = state;
    this.reports.noteChange();
  }

  /** Grants nothing new from now on. */
  leave(): void {
    this.setState({ ...this.#state, available: false });
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#holdUntilMs) {
      if (this.#holdUntilMs !== -Infinity) this.reports.noteChange();
      this.#holdUntilMs = -Infinity;
    }
    if (this.#leases.expire(nowMs)) this.reports.noteChange();
    this.reports.tick(nowMs);
  }

  /**
   * Takes the waiters from a heartbeat, which names at most two. Holders that may no longer keep their slots are told
   * at once.
   */
  onWaiters(waiters: readonly Waiter[]): void {
    this.#waiters = waiters;
    const wanted = this.#leases.extended().filter(({ client, user }) => !this.#mayExtend(client, user));
    for (const lease of wanted) lease.mayExtend = false;
    this.#tellHolders(wanted, (leases) => ({ kind: 'wanted', leases }));
  }

  onOffer(from: Peer, offer: MessageOf<'offer'>, nowMs: number): void {
    // A leader does not know its own address; the receiver of its datagram does.
    const client = offer.client.address === '' ? { ...offer.client, address: from.address } : offer.client;
    const given = this.#give(client, offer.requestId, offer.user, nowMs);
    this.reports.answer({ offerId: offer.offerId, outcome: typeof given === 'string' ? given : 'accepted' });
    if (typeof given !== 'string') this.#sendLease(given, offer.stamp, nowMs);
  }

  onTake(client: Peer, { requestId, stamp, user }: MessageOf<'take'>, nowMs: number): void {
    const given = this.#give(client, requestId, user, nowMs);
    if (typeof given === 'string') this.#outbox.toPeer(client, { kind: 'declined', requestId, reason: given });
    else this.#sendLease(given, stamp, nowMs);
  }

  onRenew(client: Peer, { stamp, user, leases }: MessageOf<'renew'>, nowMs: number): void {
    const mayExtend = this.#mayExtend(client, user);
    const held: LeaseName[] = [];
    const gone: LeaseName[] = [];
    for (const { requestId, ...name } of leases) {
      const lease = this.#leases.held(name, client) ?? this.#adopt(name, client, requestId, user, nowMs);
      if (lease === undefined || lease.revoked) gone.push(name);
      else {
        this.#leases.renew(lease, client, mayExtend, nowMs);
        held.push(name);
      }
    }
    this.#outbox.toPeer(client, { kind: 'renewed', stamp, held, gone, mayExtend });
  }

  onRelease(client: Peer, names: readonly LeaseName[]): void {
    for (const name of names) {
      const lease = this.#leases.held(name, client);
      if (lease === undefined) continue;
      this.#leases.remove(lease);
      this.reports.noteChange();
    }
    // Answer even if there was nothing to release: the first answer may have been lost.
    this.#outbox.toPeer(client, { kind: 'released', leases: names });
  }

  /** Revokes the newest leases. */
  revoke(count: number, reason: LossReason): void {
    const revoked = this.#leases.newest().slice(0, count);
    for (const lease of revoked) lease.revoked = true;
    this.#tellHolders(revoked, (leases) => ({ kind: 'revoke', reason, leases }));
  }

  #give(client: Peer, requestId: number, user: UserName, nowMs: number): Lease | DeclineReason {
    const had = this.#leases.forRequest(client, requestId);
    if (had !== undefined) return had;
    if (!this.available) return 'busy';
    this.#leases.expire(nowMs);
    if (this.#leases.size >= this.#state.slots) return 'full';
    this.reports.noteChange();
    const name = { bootId: this.#self.bootId, leaseId: ++this.#lastLeaseId };
    return this.#leases.add(name, client, requestId, user, nowMs);
  }

  #tellHolders(leases: readonly Lease[], say: (names: readonly LeaseName[]) => Message): void {
    const byClient = groupBy(leases, ({ client }) => `${client.nodeId}/${client.bootId}`);
    for (const its of byClient.values()) {
      for (const some of chunk(its, MAX_LEASES)) {
        this.#outbox.toPeer(some[0].client, say(some.map((lease) => lease.name)));
      }
    }
  }

  /** True if no known waiter could use this client's slots, were they returned now. */
  #mayExtend({ nodeId }: Peer, user: UserName): boolean {
    if (!this.available || this.#leases.size > this.#state.slots) return false;
    return this.#waiters.every((waiter) => waiter.nodeId === nodeId && waiter.user === user);
  }

  /** Takes over a lease that this node granted before it restarted and whose job is still running. */
  #adopt(name: LeaseName, client: Peer, requestId: number, user: UserName, nowMs: number): Lease | undefined {
    if (nowMs >= this.#holdUntilMs || name.bootId >= this.#self.bootId) return undefined;
    if (this.#leases.size >= this.#state.slots) return undefined;
    this.reports.noteChange();
    return this.#leases.add(name, client, requestId, user, nowMs);
  }

  #sendLease(lease: Lease, stamp: number, nowMs: number): void {
    this.#outbox.toPeer(lease.client, {
      kind: 'lease',
      requestId: lease.requestId,
      leaseId: lease.name.leaseId,
      stamp,
      // The remaining time: this may be a repetition.
      ttlMs: Math.max(0, lease.expiresMs - nowMs),
    });
  }
}
