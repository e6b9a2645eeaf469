/**
 * Leader election (PANTS, section 2.1: any node, "chosen randomly from among all of the nodes through a voting
 * procedure"). Unaware of slots and leases, which are the leader's concern.
 *
 * There is deliberately no quorum: each side of a partition elects its own leader, and when the partition heals the
 * leader with the lower term steps down. That is safe because leaders do not own slots: the node confirms each lease.
 *
 * A follower that hears no heartbeat for a random timeout becomes a candidate. A node that knows a live leader, or a
 * candidate with a higher claim, refuses; the others vote. The candidate leads as soon as most nodes have voted, or
 * when the window closes without a refusal. A live leader therefore cannot be unseated by a node that merely fails to
 * hear it.
 */
import type { Outbox } from './effects.ts';
import { MAX_TERM_COUNTER, MAX_VOTES_WANTED } from './limits.ts';
import type { MessageOf, Peer, Waiter } from './messages.ts';
import type { NodeName } from '../../protocol/names.ts';
import { compareTerms, type Term } from './term.ts';
import * as timing from './timing.ts';

/**
 * A follower stores the leader it last heard. A candidate stands until `endsMs`. A leader's next heartbeat is due at
 * `beatMs`.
 */
type State =
  | { readonly role: 'following'; leader: { peer: Peer; term: Term; heardMs: number } | undefined; standMs: number }
  | { readonly role: 'standing'; readonly term: Term; readonly endsMs: number; repeatMs: number; votes: number }
  | { readonly role: 'leading'; readonly term: Term; beatMs: number };

/** Everything an election needs from its broker. */
export interface ElectionOptions {
  readonly nodeId: NodeName;
  /**
   * Higher than the counter of any term in an earlier boot of this node. Milliseconds since 1970 qualify, because terms
   * last longer than that. It is applied only when this node becomes leader, so that a new node does not unseat an old
   * leader.
   */
  readonly firstCounter: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly outbox: Outbox;
  /** The known waiters, for a leader's heartbeats. */
  readonly waiters: () => readonly Waiter[];
  readonly nowMs: number;
}

/** One node's part in elections. */
export class Election {
  readonly #self: NodeName;
  readonly #random: () => number;
  readonly #outbox: Outbox;
  readonly #waiters: () => readonly Waiter[];
  #state: State;
  /** The highest counter seen; the next candidacy uses a higher one. */
  #counter: number;
  readonly #firstCounter: number;
  /** The highest claim this node has voted for, and until when the vote binds it. */
  #promise: { readonly term: Term; readonly untilMs: number } | undefined;
  /** Only nodes that accept work watch for silence; the others must not be woken. */
  #eligible = false;
  /** A local client got no answer: stand once, even if not eligible. */
  #provoked = false;
  /** Known nodes in the cluster including this one, which is how many votes to expect. */
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

  /** The term in which this node leads; undefined if it does not lead. */
  get leadingTerm(): Term | undefined {
    return this.#state.role === 'leading' ? this.#state.term : undefined;
  }

  /** The leader this node hears, excluding itself; undefined if it hears none. */
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

  /** A client on this host has lost its leader: stand soon, unless this node hears a leader. */
  provoke(nowMs: number): void {
    if (this.#state.role !== 'following' || this.#provoked || this.leader(nowMs) !== undefined) return;
    // A candidate that has this node's vote gets time to win. Otherwise impatient clients would outbid one another
    // forever.
    if (this.#promise !== undefined && nowMs < this.#promise.untilMs) return;
    this.#provoked = true;
    // Every host with a waiting client notices the same silence at the same time: spread the candidacies.
    const soonMs = nowMs + this.#random() * timing.VOTE_WINDOW_MS;
    if (!this.#eligible || soonMs < this.#state.standMs) this.#state.standMs = soonMs;
  }

  tick(nowMs: number): void {
    if (nowMs < this.nextTickMs) return;
    const state = this.#state;
    switch (state.role) {
      case 'following':
        // This machine slept or was paused, and may have missed heartbeats during that time.
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
        // The other nodes have elected a new leader by now, and this one's view of them is as old as its sleep.
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
      // Two leaders: a partition has healed. The one with the lower term steps down; the other one makes sure it hears
      // about it.
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
    // A known leader that stands has restarted and no longer leads.
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

  /** The leader resigns and names this node its successor. */
  onHandover(from: Peer, term: Term, nowMs: number): void {
    const known = this.leader(nowMs);
    if (term.nodeId !== this.#self || this.#state.role === 'leading') return;
    // Only the leader may hand over; its datagram may be duplicated or late.
    if (known !== undefined && known.peer.nodeId !== from.nodeId) return;
    this.#saw({ ...term, counter: term.counter - 1 });
    this.#lead(this.#nextTerm(), nowMs);
  }

  /** Stops leading, and hands over to `successor` if there is one. */
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

  /** In a large cluster only a random subset answers, as many as the candidate needs. */
  #answer(to: Peer, message: Parameters<Outbox['toPeer']>[1]): void {
    if (this.#random() * this.members <= MAX_VOTES_WANTED) this.#outbox.toPeer(to, message);
  }

  /** A term that no broker has used yet, unless the counters are exhausted. */
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
 * Saturates at the maximum. Elections would take some hundred thousand years to get there, but one datagram of a broken
 * or hostile member is enough. The terms of two nodes still differ then, and a node without a leader follows any.
 */
function counterAfter(counter: number): number {
  return Math.min(counter + 1, MAX_TERM_COUNTER);
}
