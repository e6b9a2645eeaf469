/**
 * Table of the requests and leases of each dispatcher on this host. It maps the sessions' own numbers to the broker's.
 * Unaware of sockets and of the network.
 */
import type { BrokerEvent } from '../broker/core/broker.ts';
import type { Effect } from '../broker/core/effects.ts';
import { MAX_OPEN_REQUESTS } from '../broker/core/limits.ts';
import type { BrokerAnswer, BrokerRequest } from '../protocol/local-broker.ts';
import type { UserName } from '../protocol/names.ts';
import { groupBy } from '../util/lists.ts';
import { LruMap } from '../util/lru-map.ts';

/** Jobs of a dispatcher that died end with its connections to the workers; their slots are in use until then. */
export const JOBS_END_MS = 1_500;

/**
 * Open requests of one user's dispatchers: half of what a broker may have, so that one user cannot lock out the others.
 */
const MAX_OPEN_PER_USER = MAX_OPEN_REQUESTS / 2;
/**
 * A slot that others are waiting for is reclaimed after this. No compile takes that long; its job is retried elsewhere.
 */
export const MAX_HOLD_MS = 1_800_000;
/** A dispatcher that does not return a reclaimed slot within this loses it anyway. */
export const STOP_LIMIT_MS = 10_000;
/** Nodes remembered per dispatcher; several times the design target of a thousand. */
const MAX_USED_NODES = 5_000;

type EffectOf<K extends Effect['kind']> = Extract<Effect, { readonly kind: K }>;

/** What is needed of a session, which is compared by identity. */
export interface Holder {
  readonly user: UserName;
  send(answer: BrokerAnswer): void;
}

interface HeldLocally {
  readonly holder: Holder;
  /** Start of the period during which others have been waiting for its slot. */
  wantedMs: number;
  /** The holder was told to stop. */
  isOver: boolean;
}

interface WaitingRequest {
  readonly holder: Holder;
  /** The session's own number. */
  readonly id: number;
}

/** Requests and leases of all local dispatchers. */
export class LocalLeases {
  readonly #step: (event: BrokerEvent) => void;
  readonly #waiting = new Map<number, WaitingRequest>();
  readonly #numbers = new Map<Holder, Map<number, number>>();
  readonly #held = new Map<string, HeldLocally>();
  /** The nodes that each dispatcher has used. */
  readonly #used = new WeakMap<Holder, LruMap<string, true>>();
  readonly #openOf = new Map<UserName, number>();
  readonly #now: () => number;
  #newest = 0;

  /**
   * @param step - passes an event to the broker
   * @param now - monotonic clock in milliseconds
   */
  constructor(step: (event: BrokerEvent) => void, now: () => number) {
    this.#step = step;
    this.#now = now;
  }

  get held(): number {
    return this.#held.size;
  }

  /** True if this dispatcher has had a lease on the node, and may therefore report its speed. */
  hasUsed(holder: Holder, node: string): boolean {
    return this.#used.get(holder)?.has(node) === true;
  }

  request(holder: Holder, { id, patienceMs, exclude }: BrokerRequest & { readonly kind: 'request' }): void {
    const numbers = this.#numbers.get(holder) ?? new Map<number, number>();
    this.#numbers.set(holder, numbers);
    const open = this.#openOf.get(holder.user) ?? 0;
    if (numbers.has(id) || open >= MAX_OPEN_PER_USER) {
      holder.send({ kind: 'none', id, reason: 'queue-full' });
      return;
    }
    const requestId = ++this.#newest;
    numbers.set(id, requestId);
    this.#openOf.set(holder.user, open + 1);
    this.#waiting.set(requestId, { holder, id });
    this.#step({ kind: 'request', request: { requestId, user: holder.user, patienceMs, exclude } });
  }

  cancel(holder: Holder, id: number): void {
    const requestId = this.#numbers.get(holder)?.get(id);
    if (requestId === undefined) return;
    this.#forget(requestId);
    this.#step({ kind: 'cancel', requestId });
  }

  /** A no-op for a lease that this holder does not have. */
  release(holder: Holder, lease: string): void {
    if (this.#held.get(lease)?.holder !== holder) return;
    this.#held.delete(lease);
    this.#step({ kind: 'release', lease });
  }

  /**
   * The dispatcher has disconnected. The returned function releases its leases; call it when its jobs must have ended
   * too.
   */
  leave(holder: Holder): () => void {
    for (const [id] of this.#numbers.get(holder) ?? []) this.cancel(holder, id);
    this.#numbers.delete(holder);
    return () => {
      for (const [lease, its] of this.#held) if (its.holder === holder) this.release(holder, lease);
    };
  }

  onEffect(effect: EffectOf<'leased' | 'none' | 'extend' | 'lost'>): void {
    switch (effect.kind) {
      case 'leased':
        this.#onLeased(effect);
        return;
      case 'none':
        this.#onNone(effect);
        return;
      case 'extend':
        this.#onExtend(effect);
        return;
      case 'lost':
        this.#onLost(effect);
        return;
    }
  }

  #onLeased(effect: EffectOf<'leased'>): void {
    const waiting = this.#forget(effect.requestId);
    if (!waiting) {
      // Cancelled at the same moment.
      this.#step({ kind: 'release', lease: effect.lease });
      return;
    }
    const { holder } = waiting;
    this.#held.set(effect.lease, { holder, wantedMs: this.#now(), isOver: false });
    const used = this.#used.get(holder) ?? new LruMap<string, true>(MAX_USED_NODES);
    this.#used.set(holder, used);
    used.set(effect.nodeId, true);
    waiting.holder.send({ kind: 'leased', id: waiting.id, lease: effect.lease, node: effect.nodeId });
  }

  #onNone({ requestId, reason }: EffectOf<'none'>): void {
    const waiting = this.#forget(requestId);
    if (waiting) waiting.holder.send({ kind: 'none', id: waiting.id, reason });
  }

  #onExtend({ leases, forMs }: EffectOf<'extend'>): void {
    for (const [holder, its] of groupBy(leases, (lease) => this.#held.get(lease)?.holder)) {
      if (!holder) continue;
      // The leader does not distinguish two dispatchers of one user on one host.
      const extendMs = this.#isOtherWaiting(holder) ? 0 : forMs;
      holder.send({ kind: 'extend', leases: its, forMs: extendMs });
      for (const lease of its) this.#watchHold(lease, extendMs > 0);
    }
  }

  #onLost({ lease, reason }: EffectOf<'lost'>): void {
    const holder = this.#held.get(lease)?.holder;
    if (holder) holder.send({ kind: 'lost', lease, reason });
    else this.#step({ kind: 'release', lease });
  }

  /** Called with each renewal, every few seconds. */
  #watchHold(lease: string, mayExtend: boolean): void {
    const held = this.#held.get(lease);
    if (!held) return;
    const nowMs = this.#now();
    if (mayExtend && !held.isOver) held.wantedMs = nowMs;
    const forMs = nowMs - held.wantedMs;
    if (forMs >= MAX_HOLD_MS && !held.isOver) {
      held.isOver = true;
      held.holder.send({ kind: 'lost', lease, reason: 'held-too-long' });
    } else if (forMs >= MAX_HOLD_MS + STOP_LIMIT_MS) this.release(held.holder, lease);
  }

  #isOtherWaiting(holder: Holder): boolean {
    for (const [other, { size }] of this.#numbers) if (other !== holder && size > 0) return true;
    return false;
  }

  #forget(requestId: number): WaitingRequest | undefined {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    if (!waiting) return undefined;
    const { holder, id } = waiting;
    this.#numbers.get(holder)?.delete(id);
    const open = (this.#openOf.get(holder.user) ?? 1) - 1;
    if (open > 0) this.#openOf.set(holder.user, open);
    else this.#openOf.delete(holder.user);
    return waiting;
  }
}
