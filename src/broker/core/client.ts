/**
 * Requests slots on behalf of this host's dispatchers. While a leader answers, the leader finds the node. Without a
 * leader, the client asks the nodes on its cached free list directly; if none of them has a slot, the answer is "none"
 * and the job runs locally. Unaware of what jobs are.
 */
import { CachedList } from './cached-list.ts';
import type { Outbox } from './effects.ts';
import { HeldLeases } from './held-leases.ts';
import { LeaderWatch } from './leader-watch.ts';
import { MAX_EXCLUDED, MAX_IDS, MAX_OPEN_REQUESTS, MAX_TAKES } from './limits.ts';
import type { MessageOf, NoneReason, Peer } from './messages.ts';
import type { NodeName, UserName } from '../../protocol/names.ts';
import { Stamps } from './stamp.ts';
import * as timing from './timing.ts';
import { groupBy, type NonEmpty, chunk } from '../../util/lists.ts';

/** One job's request for a slot. */
export interface ClientRequest {
  /** Unique among the requests of one boot of this host's broker. */
  readonly requestId: number;
  readonly user: UserName;
  /** How long to wait for a slot before answering "none". */
  readonly patienceMs: number;
  /** Ids of nodes that must not be used. Only the last MAX_EXCLUDED count. */
  readonly exclude: readonly NodeName[];
}

/** Snapshot of a client for status displays. */
export interface ClientStatus {
  /** Waiting requests of this host, and the leases it holds. */
  readonly open: number;
  readonly held: number;
  /** No leader answers. */
  readonly leaderLost: boolean;
}

interface Open {
  readonly request: ClientRequest;
  readonly endMs: number;
  sendMs: number;
  queued: boolean;
  /** The node that is being asked directly, and its deadline. */
  taking: { readonly nodeId: string; readonly untilMs: number } | undefined;
  readonly tried: Set<string>;
  /** Leases that were returned while the request stayed open, because they arrived too late to be trusted. */
  readonly returned: Set<string>;
}

/** The client part of a broker. */
export class Client {
  readonly #outbox: Outbox;
  readonly #open = new Map<number, Open>();
  readonly #stamps: Stamps;
  readonly #held: HeldLeases;
  readonly #cached: CachedList;
  readonly #leader = new LeaderWatch();
  #gaveUpMs: number | undefined;
  #nextTickMs = Infinity;

  constructor(options: { readonly outbox: Outbox; readonly random: () => number; readonly nowMs: number }) {
    this.#outbox = options.outbox;
    this.#stamps = new Stamps(options.nowMs);
    this.#held = new HeldLeases({
      outbox: options.outbox,
      stamps: this.#stamps,
      // A leader that reaches nodes but does not answer this client does not know that this client is waiting.
      mayExtend: () => !this.#leader.isLost,
    });
    this.#cached = new CachedList(options.random);
  }

  get status(): ClientStatus {
    return { open: this.#open.size, held: this.#held.size, leaderLost: this.#leader.isLost };
  }

  /** The leases in use, for the messages of nodes about them. */
  get held(): Pick<HeldLeases, 'onRenewed' | 'onWanted' | 'onReleased' | 'lose'> {
    return this.#held;
  }

  /** True if this client needs a leader now and none answers. */
  wantsLeader(nowMs: number): boolean {
    return this.#leader.isLost && (this.#open.size > 0 || this.#gaveUpMs === nowMs);
  }

  get nextTickMs(): number {
    return Math.min(this.#nextTickMs, this.#held.nextTickMs);
  }

  request(request: ClientRequest, nowMs: number): void {
    if (this.#open.size >= MAX_OPEN_REQUESTS) {
      this.#outbox.emit({ kind: 'none', requestId: request.requestId, reason: 'queue-full' });
      return;
    }
    const open = { request, endMs: nowMs + request.patienceMs, sendMs: nowMs, queued: false, taking: undefined };
    this.#open.set(request.requestId, { ...open, tried: new Set(request.exclude), returned: new Set() });
    this.#nextTickMs = nowMs;
  }

  /** Withdraws a request that the job no longer needs. */
  cancel(requestId: number): void {
    if (!this.#open.delete(requestId)) return;
    this.#outbox.toGroup('leader', { kind: 'cancel', requestIds: [requestId] });
  }

  release(lease: string, nowMs: number): void {
    this.#held.release(lease, nowMs);
    this.#cached.freed(lease.slice(0, lease.indexOf('/')));
  }

  /** There is a new leader, which does not know the requests waiting here. */
  onNewLeader(nowMs: number): void {
    this.#leader.onNewLeader();
    for (const open of this.#open.values()) open.sendMs = nowMs;
    this.#nextTickMs = Math.min(this.#nextTickMs, nowMs);
  }

  onQueued(requestIds: readonly number[], nowMs: number): void {
    this.#leader.onAnswer();
    for (const id of requestIds) {
      const open = this.#open.get(id);
      if (open === undefined) continue;
      open.queued = true;
      open.sendMs = nowMs + timing.REQUEST_KEEP_MS;
    }
  }

  onNone({ requestIds, reason }: MessageOf<'none'>): void {
    this.#leader.onAnswer();
    for (const id of requestIds) if (this.#open.delete(id)) this.#none(id, reason);
  }

  onFreeList(from: Peer, { nodes }: MessageOf<'free-list'>, nowMs: number): void {
    this.#leader.onAnswer();
    this.#cached.learn(from, nodes, nowMs);
  }

  onLease(from: Peer, message: MessageOf<'lease'>, nowMs: number): void {
    if (this.#held.has(from, message.leaseId)) return;
    this.#cached.used(from, nowMs);
    const open = this.#open.get(message.requestId);
    const lease = this.#held.add(from, message, open?.request.user, nowMs);
    if (lease === undefined) return;
    const askedMs = this.#stamps.momentMs(message.stamp, nowMs);
    if (open === undefined || open.returned.has(lease) || nowMs - askedMs > timing.LEASE_STALE_MS) {
      // Return the slot at once if the request was already answered or given up (two leaders may both have granted it).
      // The same applies if this host slept: the node may have restarted since. The request is then sent again, and the
      // node may name the old lease once more before it ends.
      open?.returned.add(lease);
      this.#held.release(lease, nowMs);
      return;
    }
    if (open.taking === undefined) this.#leader.onAnswer();
    this.#open.delete(message.requestId);
    this.#outbox.emit({ kind: 'leased', requestId: message.requestId, lease, nodeId: from.nodeId });
  }

  onDeclined(from: Peer, { requestId }: MessageOf<'declined'>, nowMs: number): void {
    this.#cached.full(from.nodeId);
    const open = this.#open.get(requestId);
    if (open?.taking?.nodeId !== from.nodeId) return;
    open.taking = undefined;
    this.#nextTickMs = nowMs;
  }

  tick(nowMs: number): void {
    this.#held.tick(nowMs);
    if (nowMs < this.#nextTickMs) return;
    const impatient: number[] = [];
    const due: Open[] = [];
    this.#leader.check(this.#open.size > 0, nowMs);
    for (const [id, open] of this.#open) {
      if (nowMs >= open.endMs) {
        impatient.push(id);
        continue;
      }
      if (nowMs >= open.sendMs) due.push(open);
      this.#endTaking(open, nowMs);
      if (this.#leader.isLost && !this.#takeDirectly(open, nowMs)) this.#giveUp(id, nowMs);
    }
    for (const id of impatient) {
      this.#open.delete(id);
      this.#none(id, 'patience');
    }
    this.#sendCancels(impatient);
    this.#send(due, nowMs);
    this.#wake();
  }

  /** Asks the next node on the cached list, unless a request is in flight; false if there is no node to ask. */
  #takeDirectly(open: Open, nowMs: number): boolean {
    if (open.taking !== undefined) return true;
    if (open.tried.size - open.request.exclude.length >= MAX_TAKES) return false;
    const node = this.#cached.take(open.tried, nowMs);
    if (node === undefined) return false;
    open.tried.add(node.nodeId);
    open.taking = { nodeId: node.nodeId, untilMs: nowMs + timing.TAKE_TIMEOUT_MS };
    const { requestId, user } = open.request;
    this.#outbox.toPeer(node, { kind: 'take', requestId, stamp: this.#stamps.make(nowMs), user });
    return true;
  }

  #endTaking(open: Open, nowMs: number): void {
    if (open.taking === undefined || nowMs < open.taking.untilMs) return;
    this.#cached.full(open.taking.nodeId);
    open.taking = undefined;
  }

  #giveUp(id: number, nowMs: number): void {
    if (!this.#leader.isLostForGood(nowMs)) return;
    this.#gaveUpMs = nowMs;
    // Not cancelled: if the leader comes back, its answer is how this client finds out.
    if (this.#open.delete(id)) this.#none(id, 'no-leader');
  }

  #send(due: readonly Open[], nowMs: number): void {
    for (const open of due) open.sendMs = nowMs + timing.REQUEST_REPEAT_MS;
    const alike = groupBy(due, ({ request }) => `${request.user} ${request.exclude.join(' ')}`);
    for (const group of alike.values()) for (const some of chunk(group, MAX_IDS)) this.#sendGroup(some, nowMs);
  }

  #sendGroup(group: NonEmpty<Open>, nowMs: number): void {
    const [{ request }] = group;
    this.#leader.onSent(nowMs);
    this.#outbox.toGroup('leader', {
      kind: 'request',
      stamp: this.#stamps.make(nowMs),
      user: request.user,
      patienceMs: Math.ceil(Math.max(...group.map((open) => open.endMs)) - nowMs),
      exclude: request.exclude.slice(-MAX_EXCLUDED),
      requestIds: group.map((open) => open.request.requestId),
    });
  }

  #sendCancels(ids: readonly number[]): void {
    for (const requestIds of chunk(ids, MAX_IDS)) this.#outbox.toGroup('leader', { kind: 'cancel', requestIds });
  }

  #none(requestId: number, reason: NoneReason): void {
    this.#outbox.emit({ kind: 'none', requestId, reason });
  }

  #wake(): void {
    let next = this.#open.size > 0 ? this.#leader.dueMs : Infinity;
    for (const { endMs, sendMs, taking } of this.#open.values()) {
      next = Math.min(next, endMs, sendMs, taking?.untilMs ?? Infinity);
    }
    this.#nextTickMs = next;
  }
}
