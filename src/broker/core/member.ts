/**
 * A node's part: reports its slots, answers offers, and grants, keeps and ends its leases. The node is authoritative
 * for its slots: whatever leaders believe, it never grants more than it has. Unaware of how load is measured; it is
 * told whether it is available.
 */
import type { Outbox } from './effects.ts';
import { type Lease, LeaseTable } from './lease.ts';
import { MAX_ANSWERS, MAX_LEASES, MAX_USERS_REPORTED } from './limits.ts';
import type {
  DeclineReason,
  LeaseName,
  LossReason,
  Message,
  MessageOf,
  OfferAnswer,
  Peer,
  Waiter,
} from './messages.ts';
import type { UserName } from '../../protocol/names.ts';
import { compareTerms, type Term } from './term.ts';
import * as timing from './timing.ts';
import { groupBy, chunk } from '../../util/lists.ts';

/** The node's settings and its availability. */
export interface NodeState {
  /** The node accepts work: foreign load is below the marks and the node is not drained. */
  readonly available: boolean;
  readonly slots: number;
  readonly speed: number;
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
  readonly #self: Peer;
  readonly #random: () => number;
  readonly #outbox: Outbox;
  readonly #leases = new LeaseTable();
  #state: NodeState = { available: false, slots: 0, speed: 1 };
  #holdUntilMs: number;
  #lastLeaseId = 0;
  #version = 0;
  #changed = true;
  /**
   * The availability in the newest report. True before the first report, because a leader may still list this node from
   * before its restart.
   */
  #saidAvailable = true;
  #answers: OfferAnswer[] = [];
  #reportMs = Infinity;
  #repeats = 0;
  #reportedTo: Term | undefined;
  /** The waiters in the last heartbeat. If no leader is heard, the next one is elected within a second. */
  #waiters: readonly Waiter[] = [];

  constructor(options: MemberOptions) {
    this.#self = options.self;
    this.#random = options.random;
    this.#outbox = options.outbox;
    this.#holdUntilMs = options.nowMs + options.holdMs;
    if (options.holdMs === 0) this.#holdUntilMs = -Infinity;
  }

  get available(): boolean {
    return this.#state.available && this.#holdUntilMs === -Infinity;
  }

  get slots(): number {
    return this.#state.slots;
  }

  get inUse(): number {
    return this.#leases.size;
  }

  /** Leases in `inUse` that have not been revoked. */
  get staying(): number {
    return this.#leases.newest().length;
  }

  get nextTickMs(): number {
    const holdMs = this.#holdUntilMs === -Infinity ? Infinity : this.#holdUntilMs;
    return Math.min(this.#reportMs, this.#leases.nextExpiryMs, holdMs);
  }

  setState(state: NodeState): void {
    const was = this.#state;
    if (state.available === was.available && state.slots === was.slots && state.speed === was.speed) return;
    this.#state = state;
    this.#changed = true;
  }

  /** Grants nothing new from now on. */
  leave(): void {
    this.setState({ ...this.#state, available: false });
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#holdUntilMs) {
      this.#changed ||= this.#holdUntilMs !== -Infinity;
      this.#holdUntilMs = -Infinity;
    }
    if (this.#leases.expire(nowMs)) this.#changed = true;
    if (nowMs < this.#reportMs) return;
    this.#sendReport([]);
    this.#planRepeat(nowMs);
  }

  /** No leader is heard. Report to the next one, even if it turns out to be the same one. */
  onLeaderLost(): void {
    this.#reportedTo = undefined;
  }

  /**
   * Takes the waiters from a heartbeat, which names at most two. Holders that may no longer keep their slots are told
   * at once.
   */
  onWaiters(waiters: readonly Waiter[]): void {
    this.#waiters = waiters;
    const wanted = this.#leases.kept().filter(({ client, user }) => !this.#mayKeep(client, user));
    for (const lease of wanted) lease.mayKeep = false;
    this.#tellHolders(wanted, (leases) => ({ kind: 'wanted', leases }));
  }

  /** Handles a heartbeat. A leader in a new term does not know this node yet. */
  onLeader(term: Term, members: number, nowMs: number): void {
    if (this.#reportedTo !== undefined && compareTerms(this.#reportedTo, term) === 0) return;
    this.#reportedTo = term;
    const spreadMs = Math.min(timing.REPORT_SPREAD_MAX_MS, members * timing.REPORT_SPREAD_PER_NODE_MS);
    this.#repeats = 0;
    this.#reportMs = nowMs + this.#random() * spreadMs;
  }

  onAsk(): void {
    this.#changed = true;
  }

  /** The leader has the newest report: stop repeating it. */
  onNoted(from: Peer, version: number, nowMs: number): void {
    if (version !== this.#version || from.nodeId !== this.#reportedTo?.nodeId) return;
    this.#repeats = timing.REPORT_REPEATS_MS.length;
    this.#reportMs = nowMs + timing.REPORT_INTERVAL_MS * (0.8 + 0.4 * this.#random());
  }

  onOffer(from: Peer, offer: MessageOf<'offer'>, nowMs: number): void {
    // A leader does not know its own address; the receiver of its datagram does.
    const client = offer.client.address === '' ? { ...offer.client, address: from.address } : offer.client;
    const given = this.#give(client, offer.requestId, offer.user, nowMs);
    this.#answers.push({ offerId: offer.offerId, outcome: typeof given === 'string' ? given : 'accepted' });
    if (typeof given !== 'string') this.#sendLease(given, offer.stamp, nowMs);
  }

  onTake(client: Peer, { requestId, stamp, user }: MessageOf<'take'>, nowMs: number): void {
    const given = this.#give(client, requestId, user, nowMs);
    if (typeof given === 'string') this.#outbox.toPeer(client, { kind: 'declined', requestId, reason: given });
    else this.#sendLease(given, stamp, nowMs);
  }

  onRenew(client: Peer, { stamp, user, leases }: MessageOf<'renew'>, nowMs: number): void {
    const mayKeep = this.#mayKeep(client, user);
    const held: LeaseName[] = [];
    const gone: LeaseName[] = [];
    for (const { requestId, ...name } of leases) {
      const lease = this.#leases.held(name, client) ?? this.#adopt(name, client, requestId, user, nowMs);
      if (lease === undefined || lease.revoked) gone.push(name);
      else {
        this.#leases.renew(lease, client, mayKeep, nowMs);
        held.push(name);
      }
    }
    this.#outbox.toPeer(client, { kind: 'renewed', stamp, held, gone, mayKeep });
  }

  onRelease(client: Peer, names: readonly LeaseName[]): void {
    for (const name of names) {
      const lease = this.#leases.held(name, client);
      if (lease === undefined) continue;
      this.#leases.remove(lease);
      this.#changed = true;
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

  /** Sends what this step changed; called once at the end of each step. */
  flush(nowMs: number): void {
    while (this.#answers.length > MAX_ANSWERS) this.#sendReport(this.#answers.splice(0, MAX_ANSWERS));
    if (this.#answers.length === 0 && !this.#worthReporting()) return;
    if (this.#changed) this.#version++;
    this.#changed = false;
    this.#sendReport(this.#answers);
    this.#answers = [];
    this.#repeats = 0;
    this.#planRepeat(nowMs);
  }

  /** A node reports that it became busy and then stays silent: its slots are of no use until it is free again. */
  #worthReporting(): boolean {
    return this.#changed && (this.available || this.#saidAvailable);
  }

  #sendReport(answers: readonly OfferAnswer[]): void {
    const { slots, speed } = this.#state;
    const users = this.#leases.users(MAX_USERS_REPORTED);
    const { available, inUse } = this;
    this.#saidAvailable = available;
    this.#outbox.toGroup('leader', {
      kind: 'report',
      report: { version: this.#version, available, slots, inUse, speed, users },
      answers,
    });
  }

  #planRepeat(nowMs: number): void {
    // A busy node hears no leader, and thus no acknowledgement: it repeats a fixed number of times.
    const last = this.available ? timing.REPORT_REPEATS_MS.at(-1) : undefined;
    const repeatMs = timing.REPORT_REPEATS_MS[this.#repeats++] ?? last;
    if (repeatMs !== undefined) this.#reportMs = nowMs + repeatMs;
    else this.#reportMs = nowMs + timing.BUSY_REPORT_INTERVAL_MS * (0.8 + 0.4 * this.#random());
  }

  #give(client: Peer, requestId: number, user: UserName, nowMs: number): Lease | DeclineReason {
    const had = this.#leases.forRequest(client, requestId);
    if (had !== undefined) return had;
    if (!this.available) return 'busy';
    this.#leases.expire(nowMs);
    if (this.#leases.size >= this.#state.slots) return 'full';
    this.#changed = true;
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
  #mayKeep({ nodeId }: Peer, user: UserName): boolean {
    if (!this.available || this.#leases.size > this.#state.slots) return false;
    return this.#waiters.every((waiter) => waiter.nodeId === nodeId && waiter.user === user);
  }

  /** Takes over a lease that this node granted before it restarted and whose job is still running. */
  #adopt(name: LeaseName, client: Peer, requestId: number, user: UserName, nowMs: number): Lease | undefined {
    if (nowMs >= this.#holdUntilMs || name.bootId >= this.#self.bootId) return undefined;
    if (this.#leases.size >= this.#state.slots) return undefined;
    this.#changed = true;
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
