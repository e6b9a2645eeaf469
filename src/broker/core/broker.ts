/**
 * State machine of one broker: node, client, voter and, at times, leader. It takes events and the time and returns
 * effects. It is unaware of sockets, clocks and sources of randomness, so a test can run a thousand of them.
 */
import { Client, type ClientStatus, type ClientRequest } from './client.ts';
import { type Effect, type Group, Outbox } from './effects.ts';
import { Election } from './election.ts';
import { Leader } from './leader.ts';
import { MAX_WAITERS } from './limits.ts';
import { Member, type MemberStatus, type NodeState } from './member.ts';
import { type FreeNode, type Message, type MessageOf, type Peer, UNNAMED_WAITER, type Waiter } from './messages.ts';
import type { NodeName } from '../../protocol/names.ts';
import type { Term } from './term.ts';
import { HEARTBEAT_INTERVAL_MS, REPORT_SPREAD_MAX_MS, REQUEST_KEEP_MS } from './timing.ts';

const ROUNDING_MS = 0.001;
/** Twice as long as nodes may take to report to a new leader. */
const MEMBERS_KEPT_MS = 2 * REPORT_SPREAD_MAX_MS;
/** By then every waiting request has been repeated, even by hosts that do not take part in elections. */
const WAITERS_KNOWN_MS = REQUEST_KEEP_MS + HEARTBEAT_INTERVAL_MS;

/** Everything a broker is given at its start. */
export interface BrokerOptions {
  readonly nodeId: NodeName;
  /** Increases with every start of this node's broker. */
  readonly bootId: number;
  /** See ElectionOptions. */
  readonly firstCounter: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly nowMs: number;
  /** 0 if no job of an earlier boot can still be running here, otherwise RESTART_HOLD_MS. */
  readonly holdMs: number;
}

/** Inputs of the machine. */
export type BrokerEvent =
  | { readonly kind: 'tick' }
  /** `from.address` is where the datagram came from. */
  | { readonly kind: 'received'; readonly from: Peer; readonly message: Message }
  | { readonly kind: 'node-state'; readonly state: NodeState }
  | { readonly kind: 'request'; readonly request: ClientRequest }
  | { readonly kind: 'cancel'; readonly requestId: number }
  | { readonly kind: 'release'; readonly lease: string }
  /** Foreign load is above the eviction mark: revoke this many leases, newest first. */
  | { readonly kind: 'evict'; readonly count: number }
  /** Asks the leader how large the cluster is and, if `wantsRoster`, which nodes it lists. */
  | { readonly kind: 'ask-who'; readonly wantsRoster: boolean }
  /** Accept no new work and hand over leadership. Running jobs continue. */
  | { readonly kind: 'leave' };

/** Snapshot for status displays. */
export interface BrokerSnapshot extends MemberStatus, ClientStatus {
  readonly role: 'following' | 'standing' | 'leading';
  /** The leader's term, as far as this broker knows. */
  readonly term: Term | undefined;
}

type ElectionKind = 'heartbeat' | 'stand' | 'vote' | 'refuse' | 'handover';
/** Messages for the leader. */
type LeaderKind = 'report' | 'request' | 'cancel' | 'who';
/** Messages for a node, about its slots. */
type NodeKind = 'ask' | 'noted' | 'offer' | 'take' | 'renew' | 'release';

/** One broker; drive it with `step` and look at `nextTickMs`. */
export class Broker {
  readonly self: Peer;
  readonly #outbox = new Outbox();
  readonly #random: () => number;
  readonly #election: Election;
  readonly #member: Member;
  readonly #client: Client;
  #leader: Leader | undefined;
  #leaderTerm: Term | undefined;
  readonly #subscribed: Record<Group, boolean> = { leader: false, available: false };
  #nowMs: number;
  #skewMs = 0;

  constructor(options: BrokerOptions) {
    const { nodeId, bootId, random, nowMs } = options;
    this.self = { nodeId, bootId, address: '' };
    this.#random = random;
    this.#nowMs = nowMs;
    const outbox = this.#outbox;
    const waiters = () => this.#waiters();
    this.#election = new Election({ nodeId, firstCounter: options.firstCounter, random, outbox, waiters, nowMs });
    this.#member = new Member({ self: this.self, random, outbox, nowMs, holdMs: options.holdMs });
    this.#client = new Client({ outbox, random, nowMs });
  }

  /** When the next tick is due, on the clock whose time `step` is given. */
  get nextTickMs(): number {
    const { nextTickMs } = this.#election;
    const leaderMs = this.#leader?.nextTickMs ?? Infinity;
    const dueMs = Math.min(nextTickMs, leaderMs, this.#member.nextTickMs, this.#client.nextTickMs);
    // Applying the skew both ways rounds. A tick that came too early because of that would be due again at once,
    // forever.
    return dueMs - this.#skewMs + ROUNDING_MS;
  }

  get status(): BrokerSnapshot {
    const term = this.#election.leadingTerm ?? this.#election.leader(this.#nowMs)?.term;
    return { role: this.#election.role, term, ...this.#member.status, ...this.#client.status };
  }

  /** The leader state machine; undefined while this broker does not lead. */
  get leader(): Leader | undefined {
    return this.#leader;
  }

  /**
   * Handles one event and returns the effects to carry out.
   * @param clockMs - may stand still or go backwards; the broker then behaves as if no time had passed
   */
  step(event: BrokerEvent, clockMs: number): Effect[] {
    if (clockMs + this.#skewMs < this.#nowMs) this.#skewMs = this.#nowMs - clockMs;
    const nowMs = clockMs + this.#skewMs;
    this.#nowMs = nowMs;
    this.#take(event, nowMs);
    this.#settle(nowMs);
    return this.#deliverOwn(nowMs);
  }

  #take(event: BrokerEvent, nowMs: number): void {
    switch (event.kind) {
      case 'tick':
        return;
      case 'received':
        this.#receive(event.from, event.message, nowMs);
        return;
      case 'node-state':
        this.#member.setState(event.state);
        return;
      case 'request':
        this.#client.request(event.request, nowMs);
        return;
      case 'cancel':
        this.#client.cancel(event.requestId);
        return;
      case 'release':
        this.#client.release(event.lease, nowMs);
        return;
      case 'evict':
        this.#member.revoke(event.count, 'evicted');
        return;
      case 'ask-who':
        this.#outbox.toGroup('leader', { kind: 'who', wantsRoster: event.wantsRoster });
        return;
      case 'leave':
        this.#member.leave();
        this.#resign(nowMs);
        return;
    }
  }

  /** Runs everything that is due, and tells each part about the others' changes of state. */
  #settle(nowMs: number): void {
    this.#client.tick(nowMs);
    this.#member.tick(nowMs);
    this.#election.setEligible(this.#member.available, nowMs);
    if (this.#client.wantsLeader(nowMs)) this.#election.provoke(nowMs);
    this.#election.tick(nowMs);
    this.#followElection(nowMs);
    if (this.#leader !== undefined) {
      this.#leader.tick(nowMs);
      this.#countMembers(this.#leader, nowMs);
      // A busy node leads only if there is no other candidate.
      if (!this.#member.available) this.#handOver(nowMs);
    }
    this.#member.reports.flush(nowMs);
    this.#subscribe('leader', this.#leader !== undefined);
    this.#subscribe('available', this.#member.available || this.#election.role !== 'following');
  }

  /** Waiters to name in a heartbeat. A new leader knows them only after clients have repeated their requests. */
  #waiters(): Waiter[] {
    if (this.#leader === undefined || this.#nowMs - this.#leader.sinceMs < WAITERS_KNOWN_MS) return [UNNAMED_WAITER];
    return this.#leader.waiters.some(MAX_WAITERS);
  }

  #followElection(nowMs: number): void {
    const leading = this.#election.leadingTerm;
    if (leading === undefined) this.#leader = undefined;
    else if (this.#leader === undefined || leading !== this.#leaderTerm) {
      this.#leader = new Leader({ random: this.#random, outbox: this.#outbox, nowMs });
    }
    const term = leading ?? this.#election.leader(nowMs)?.term;
    // Needed even if the leader is unchanged: this node may just have become free.
    if (term && this.#member.available) this.#member.reports.onLeader(term, this.#election.members, nowMs);
    if (term === this.#leaderTerm) return;
    if (term === undefined) {
      // When this leader is heard again, it may have forgotten this node.
      this.#leaderTerm = undefined;
      this.#member.reports.onLeaderLost();
      return;
    }
    const isNew = this.#leaderTerm?.counter !== term.counter || this.#leaderTerm.nodeId !== term.nodeId;
    this.#leaderTerm = term;
    if (isNew) this.#client.onNewLeader(nowMs);
  }

  /**
   * A new leader keeps its predecessor's count until the nodes have reported, because they spread their reports by it.
   */
  #countMembers(leader: Leader, nowMs: number): void {
    const { nodes } = leader.list.capacity;
    if (nodes < this.#election.members && nowMs - leader.sinceMs < MEMBERS_KEPT_MS) return;
    this.#election.members = Math.max(1, nodes);
  }

  #resign(nowMs: number): void {
    if (this.#leader === undefined) return;
    this.#election.resign(this.#leader.successor(this.self.nodeId), nowMs);
  }

  #handOver(nowMs: number): void {
    if (this.#leader?.successor(this.self.nodeId) === undefined) return;
    this.#resign(nowMs);
    this.#followElection(nowMs);
  }

  #receive(from: Peer, message: Message, nowMs: number): void {
    switch (message.kind) {
      case 'heartbeat':
      case 'stand':
      case 'vote':
      case 'refuse':
      case 'handover':
        this.#receiveOfElection(from, message, nowMs);
        return;
      case 'report':
      case 'request':
      case 'cancel':
      case 'who':
        if (this.#leader !== undefined) this.#receiveAsLeader(this.#leader, from, message, nowMs);
        return;
      case 'ask':
      case 'noted':
      case 'offer':
      case 'take':
      case 'renew':
      case 'release':
        this.#receiveAsNode(from, message, nowMs);
        return;
      case 'queued':
        this.#client.onQueued(message.requestIds, nowMs);
        return;
      case 'none':
        this.#client.onNone(message);
        return;
      case 'free-list':
        this.#client.onFreeList(from, message, nowMs);
        return;
      case 'declined':
        this.#client.onDeclined(from, message, nowMs);
        return;
      case 'lease':
        this.#client.onLease(from, message, nowMs);
        return;
      case 'renewed':
        this.#client.held.onRenewed(from, message, nowMs);
        return;
      case 'wanted':
        this.#client.held.onWanted(from, message.leases);
        return;
      case 'released':
        this.#client.held.onReleased(from, message.leases);
        return;
      case 'revoke':
        this.#client.held.lose(from, message.leases, message.reason);
        return;
      case 'capacity':
        this.#outbox.emit(message);
        return;
      case 'roster':
        this.#outbox.emit({ kind: 'roster', nodes: message.nodes.map((node) => addressed(node, from)) });
        return;
      case 'inspect':
      case 'condition':
      case 'speed':
        // Handled by the daemon; the state machine ignores it.
        return;
    }
  }

  #receiveAsNode(from: Peer, message: MessageOf<NodeKind>, nowMs: number): void {
    switch (message.kind) {
      case 'ask':
        this.#member.reports.noteChange();
        return;
      case 'noted':
        this.#member.reports.onNoted(from, message.version, nowMs);
        return;
      case 'offer':
        this.#member.onOffer(from, message, nowMs);
        return;
      case 'take':
        this.#member.onTake(from, message, nowMs);
        return;
      case 'renew':
        this.#member.onRenew(from, message, nowMs);
        return;
      case 'release':
        this.#member.onRelease(from, message.leases);
        return;
    }
  }

  #receiveAsLeader(leader: Leader, from: Peer, message: MessageOf<LeaderKind>, nowMs: number): void {
    switch (message.kind) {
      case 'report':
        leader.onReport(from, message, nowMs);
        return;
      case 'request':
        leader.onRequest(from, message, nowMs);
        return;
      case 'cancel':
        leader.onCancel(from, message.requestIds);
        return;
      case 'who':
        if (this.#leaderTerm !== undefined) leader.onWho(from, message, this.#leaderTerm);
        return;
    }
  }

  #receiveOfElection(from: Peer, message: MessageOf<ElectionKind>, nowMs: number): void {
    switch (message.kind) {
      case 'heartbeat':
        this.#election.onHeartbeat(from, message, nowMs);
        this.#member.onWaiters(message.waiters);
        return;
      case 'stand':
        this.#election.onStand(from, message.term, nowMs);
        return;
      case 'vote':
        this.#election.onVote(message.term, nowMs);
        return;
      case 'refuse':
        this.#election.onRefuse(message.term, message.higher, nowMs);
        return;
      case 'handover':
        this.#election.onHandover(from, message.term, nowMs);
        return;
    }
  }

  #subscribe(group: Group, on: boolean): void {
    if (this.#subscribed[group] === on) return;
    this.#subscribed[group] = on;
    this.#outbox.emit({ kind: 'subscribe', group, on });
  }

  /** Messages to this broker itself bypass the network; messages to a group also go out. */
  #deliverOwn(nowMs: number): Effect[] {
    const effects: Effect[] = [];
    let some = this.#outbox.take();
    while (some.length > 0) {
      let heard = false;
      for (const effect of some) {
        if (effect.kind !== 'send') {
          effects.push(effect);
          continue;
        }
        const { to, message } = effect;
        const own = to.kind === 'peer' && to.peer.nodeId === this.self.nodeId;
        if (!own) effects.push(effect);
        if (!own && !(to.kind === 'group' && this.#subscribed[to.group])) continue;
        this.#receive(this.self, message, nowMs);
        heard = true;
      }
      if (heard) this.#settle(nowMs);
      some = this.#outbox.take();
    }
    return effects;
  }
}

/** A leader does not know its own address; the receiver of its datagram does. */
function addressed(node: FreeNode, leader: Peer): FreeNode {
  return node.address === '' ? { ...node, address: leader.address } : node;
}
