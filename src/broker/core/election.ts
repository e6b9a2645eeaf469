/**
 * Who leads (PANTS, section 2.1: any node, "chosen randomly from among all of the nodes through a voting
 * procedure"). Unaware of slots and leases, of which it is the leader's to know.
 *
 * There is no quorum, on purpose: each side of a partition elects its own leader, and when it heals the lower term
 * gives way. That is safe because no slot is a leader's to give: the node confirms each lease.
 *
 * A follower that hears no heartbeat for a random while stands. Who knows a living leader, or a candidate with a
 * higher claim, refuses; the others vote. The candidate leads as soon as most have voted, or when nobody refused
 * within the window. So a living leader cannot be unseated by a node that merely does not hear it.
 */
import type { Outbox } from './effects.ts';
import { MAX_TERM_COUNTER, MAX_VOTES_WANTED } from './limits.ts';
import type { MessageOf, Peer, Waiter } from './messages.ts';
import type { NodeName } from '../../protocol/names.ts';
import { compareTerms, type Term } from './term.ts';
import * as timing from './timing.ts';

/** Follower: `leader` is whom it heard last. Candidate: until `endsMs`. Leader: its next heartbeat is due at `beatMs`. */
type State =
  | { readonly role: 'following'; leader: { peer: Peer; term: Term; heardMs: number } | undefined; standMs: number }
  | { readonly role: 'standing'; readonly term: Term; readonly endsMs: number; repeatMs: number; votes: number }
  | { readonly role: 'leading'; readonly term: Term; beatMs: number };

export interface ElectionOptions {
  readonly nodeId: NodeName;
  /**
   * No term of an earlier boot of this node had so high a counter: milliseconds since 1970 will do, as terms are longer
   * than that. It counts only when this node comes to lead, so that a new node does not unseat an old leader.
   */
  readonly firstCounter: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly outbox: Outbox;
  /** Who waits for slots, as far as is known here: for the heartbeats of a leader. */
  readonly waiters: () => readonly Waiter[];
  readonly nowMs: number;
}

export class Election {
  readonly #self: NodeName;
  readonly #random: () => number;
  readonly #outbox: Outbox;
  readonly #waiters: () => readonly Waiter[];
  #state: State;
  /** The highest counter seen; the next candidate's is above it. */
  #counter: number;
  readonly #firstCounter: number;
  /** The highest claim this node has voted for, and how long it keeps to that. */
  #promise: { readonly term: Term; readonly untilMs: number } | undefined;
  /** Only nodes that would take work watch for silence; the others are not to be bothered. */
  #eligible = false;
  /** A client here got no answer: stand once, eligible or not. */
  #provoked = false;
  /** Nodes in the cluster as far as is known, this one included: how many votes to expect. */
  members = 1;

  constructor(options: ElectionOptions) {
    this.#self = options.nodeId;
    this.#random = options.random;
    this.#outbox = options.outbox;
    this.#waiters = options.waiters;
    this.#counter = 0;
    this.#firstCounter = options.firstCounter;
    this.#state = { role: 'following', leader: undefined, standMs: options.nowMs + this.#timeoutMs() };
  }

  get role(): State['role'] {
    return this.#state.role;
  }

  /** The term in which this node leads; undefined when it does not. */
  get leadingTerm(): Term | undefined {
    return this.#state.role === 'leading' ? this.#state.term : undefined;
  }

  /** The leader this node hears, itself excluded; undefined when it hears none. */
  leader(nowMs: number): { readonly peer: Peer; readonly term: Term } | undefined {
    if (this.#state.role !== 'following' || this.#state.leader === undefined) return undefined;
    const { leader } = this.#state;
    return nowMs - leader.heardMs < timing.ELECTION_TIMEOUT_MIN_MS ? leader : undefined;
  }

  get nextTickMs(): number {
    switch (this.#state.role) {
      case 'following':
        return this.#eligible || this.#provoked ? this.#state.standMs : Infinity;
      case 'standing':
        return Math.min(this.#state.endsMs, this.#state.repeatMs);
      case 'leading':
        return this.#state.beatMs;
    }
  }

  setEligible(eligible: boolean, nowMs: number): void {
    if (eligible === this.#eligible) return;
    this.#eligible = eligible;
    if (this.#state.role === 'following') this.#state.standMs = nowMs + this.#timeoutMs();
  }

  /** A client of this host heard no leader: unless one is heard here, stand soon. */
  provoke(nowMs: number): void {
    if (this.#state.role !== 'following' || this.#provoked || this.leader(nowMs) !== undefined) return;
    // Whoever this node has voted for is to have the time to win, or impatient clients outbid one another for ever.
    if (this.#promise !== undefined && nowMs < this.#promise.untilMs) return;
    this.#provoked = true;
    // Not all at once: every host with a waiting client notices the same silence at the same time.
    const soonMs = nowMs + this.#random() * timing.VOTE_WINDOW_MS;
    if (!this.#eligible || soonMs < this.#state.standMs) this.#state.standMs = soonMs;
  }

  tick(nowMs: number): void {
    if (nowMs < this.nextTickMs) return;
    const state = this.#state;
    switch (state.role) {
      case 'following':
        // This machine slept (or was paused): what it did not hear, it may have slept through.
        if (nowMs - state.standMs > timing.STALL_MS) state.standMs = nowMs + this.#timeoutMs();
        else this.#stand(nowMs);
        return;
      case 'standing':
        if (nowMs - state.endsMs > timing.STALL_MS) this.#follow(undefined, nowMs);
        else if (nowMs >= state.endsMs) this.#lead(state.term, nowMs);
        else {
          state.repeatMs = Infinity;
          this.#outbox.toGroup('available', { kind: 'stand', term: state.term });
        }
        return;
      case 'leading':
        // The others have elected another by now, and what it knows of nodes is as old as its sleep.
        if (nowMs - state.beatMs > timing.ELECTION_TIMEOUT_MAX_MS) this.#follow(undefined, nowMs);
        else this.#beat(state, nowMs);
        return;
    }
  }

  onHeartbeat(from: Peer, { term, members }: MessageOf<'heartbeat'>, nowMs: number): void {
    if (from.nodeId === this.#self) return;
    this.#saw(term);
    const state = this.#state;
    if (state.role === 'leading') {
      // Two leaders: a partition has healed. The lower gives way; the higher makes sure that it hears of it.
      if (compareTerms(term, state.term) < 0) this.#outbox.toPeer(from, this.#heartbeat(state.term));
      else this.#accept(from, term, members, nowMs);
      return;
    }
    const known = this.leader(nowMs);
    if (known !== undefined && compareTerms(term, known.term) < 0) return;
    this.#accept(from, term, members, nowMs);
  }

  onStand(from: Peer, term: Term, nowMs: number): void {
    if (from.nodeId === this.#self) return;
    this.#saw(term);
    const state = this.#state;
    if (state.role === 'leading') {
      this.#outbox.toPeer(from, this.#heartbeat(state.term));
      return;
    }
    const known = this.leader(nowMs);
    // A leader that stands has been restarted and leads no more.
    if (known !== undefined && known.peer.nodeId !== from.nodeId) {
      this.#answer(from, { kind: 'refuse', term, higher: known.term });
      return;
    }
    const promised = this.#promise !== undefined && nowMs < this.#promise.untilMs ? this.#promise.term : undefined;
    const claim = state.role === 'standing' ? state.term : promised;
    if (claim !== undefined && compareTerms(claim, term) > 0) {
      this.#answer(from, { kind: 'refuse', term, higher: claim });
      return;
    }
    this.#promise = { term, untilMs: nowMs + 2 * timing.VOTE_WINDOW_MS };
    this.#follow(undefined, nowMs);
    this.#answer(from, { kind: 'vote', term });
  }

  onVote(term: Term, nowMs: number): void {
    const state = this.#state;
    if (state.role !== 'standing' || compareTerms(term, state.term) !== 0) return;
    state.votes++;
    const expected = Math.min(this.members - 1, MAX_VOTES_WANTED);
    if (state.votes * 2 > expected && expected > 1) this.#lead(state.term, nowMs);
  }

  onRefuse(term: Term, higher: Term, nowMs: number): void {
    this.#saw(higher);
    if (this.#state.role === 'standing' && compareTerms(term, this.#state.term) === 0) this.#follow(undefined, nowMs);
  }

  /** The leader leaves and names this node. */
  onHandover(from: Peer, term: Term, nowMs: number): void {
    const known = this.leader(nowMs);
    if (term.nodeId !== this.#self || this.#state.role === 'leading') return;
    // Only a leader hands over; its datagram may come twice, or late.
    if (known !== undefined && known.peer.nodeId !== from.nodeId) return;
    this.#saw({ ...term, counter: term.counter - 1 });
    this.#lead(this.#nextTerm(), nowMs);
  }

  /** Stops leading; `successor`, if any, leads next. */
  resign(successor: Peer | undefined, nowMs: number): void {
    if (this.#state.role !== 'leading') return;
    if (successor !== undefined) {
      const term = { counter: counterAfter(this.#counter), nodeId: successor.nodeId };
      this.#outbox.toPeer(successor, { kind: 'handover', term });
    }
    this.#follow(undefined, nowMs);
  }

  #accept(from: Peer, term: Term, members: number, nowMs: number): void {
    this.members = members;
    this.#follow({ peer: from, term, heardMs: nowMs }, nowMs);
  }

  #follow(leader: { peer: Peer; term: Term; heardMs: number } | undefined, nowMs: number): void {
    this.#provoked = false;
    this.#state = { role: 'following', leader, standMs: nowMs + this.#timeoutMs() };
  }

  #stand(nowMs: number): void {
    this.#provoked = false;
    const term = this.#nextTerm();
    this.#state = {
      role: 'standing',
      term,
      endsMs: nowMs + timing.VOTE_WINDOW_MS,
      repeatMs: nowMs + timing.STAND_REPEAT_MS,
      votes: 0,
    };
    this.#outbox.toGroup('available', { kind: 'stand', term });
  }

  #lead(term: Term, nowMs: number): void {
    this.#saw(term);
    const state = { role: 'leading' as const, term, beatMs: nowMs };
    this.#state = state;
    this.#promise = undefined;
    this.#beat(state, nowMs);
  }

  #beat(state: { readonly term: Term; beatMs: number }, nowMs: number): void {
    this.#outbox.toGroup('available', this.#heartbeat(state.term));
    state.beatMs = nowMs + timing.HEARTBEAT_INTERVAL_MS;
  }

  #heartbeat(term: Term): MessageOf<'heartbeat'> {
    return { kind: 'heartbeat', term, members: this.members, waiters: this.#waiters() };
  }

  /** In a large cluster only some answer, as many as tell the candidate what it needs to know. */
  #answer(to: Peer, message: Parameters<Outbox['toPeer']>[1]): void {
    if (this.#random() * this.members <= MAX_VOTES_WANTED) this.#outbox.toPeer(to, message);
  }

  /** A term that no broker has led in, unless counters are used up. */
  #nextTerm(): Term {
    this.#counter = counterAfter(Math.max(this.#counter, this.#firstCounter));
    return { counter: this.#counter, nodeId: this.#self };
  }

  #saw(term: Term): void {
    if (term.counter > this.#counter) this.#counter = term.counter;
  }

  #timeoutMs(): number {
    const spread = timing.ELECTION_TIMEOUT_MAX_MS - timing.ELECTION_TIMEOUT_MIN_MS;
    return timing.ELECTION_TIMEOUT_MIN_MS + this.#random() * spread;
  }
}

/**
 * Stays at the highest: elections take some hundred thousand years to get there, and one datagram of a broken or hostile
 * member does. Terms of two nodes still differ, and a node without a leader follows any.
 */
function counterAfter(counter: number): number {
  return Math.min(counter + 1, MAX_TERM_COUNTER);
}
