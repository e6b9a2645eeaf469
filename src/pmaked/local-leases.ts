/**
 * Which dispatcher on this host waits for what and holds what. Between the sessions' own numbers and the broker's.
 * Unaware of sockets and of the network.
 */
import type { BrokerEvent } from '../broker/core/broker.ts';
import type { Effect } from '../broker/core/effects.ts';
import { MAX_OPEN_REQUESTS } from '../broker/core/limits.ts';
import type { BrokerAnswer, BrokerRequest } from '../protocol/local-broker.ts';
import type { UserName } from '../protocol/names.ts';
import { groupBy } from '../util/lists.ts';

/** Jobs of a dispatcher that died end with its connections to the workers; until then their slots are in use. */
export const JOBS_END_MS = 1_500;

type EffectOf<K extends Effect['kind']> = Extract<Effect, { readonly kind: K }>;

/** What is needed of a session; compared by identity. */
export interface Holder {
  readonly user: UserName;
  send(answer: BrokerAnswer): void;
}

interface Waiting {
  readonly holder: Holder;
  /** The session's number. */
  readonly id: number;
}

export class LocalLeases {
  readonly #step: (event: BrokerEvent) => void;
  readonly #waiting = new Map<number, Waiting>();
  readonly #numbers = new Map<Holder, Map<number, number>>();
  readonly #holders = new Map<string, Holder>();
  #newest = 0;

  /** @param step - hands an event to the broker */
  constructor(step: (event: BrokerEvent) => void) {
    this.#step = step;
  }

  get held(): number {
    return this.#holders.size;
  }

  request(holder: Holder, { id, patienceMs, exclude }: BrokerRequest & { readonly kind: 'request' }): void {
    const numbers = this.#numbers.get(holder) ?? new Map<number, number>();
    this.#numbers.set(holder, numbers);
    if (numbers.has(id) || numbers.size >= MAX_OPEN_REQUESTS) {
      holder.send({ kind: 'none', id, reason: 'queue-full' });
      return;
    }
    const requestId = ++this.#newest;
    numbers.set(id, requestId);
    this.#waiting.set(requestId, { holder, id });
    this.#step({ kind: 'request', request: { requestId, user: holder.user, patienceMs, exclude } });
  }

  cancel(holder: Holder, id: number): void {
    const requestId = this.#numbers.get(holder)?.get(id);
    if (requestId === undefined) return;
    this.#forget(requestId);
    this.#step({ kind: 'cancel', requestId });
  }

  /** Of no effect on a lease that is not this holder's. */
  release(holder: Holder, lease: string): void {
    if (this.#holders.get(lease) !== holder) return;
    this.#holders.delete(lease);
    this.#step({ kind: 'release', lease });
  }

  /** The dispatcher is gone. The answer releases what it held, to be called when its jobs are surely gone too. */
  leave(holder: Holder): () => void {
    for (const [id] of this.#numbers.get(holder) ?? []) this.cancel(holder, id);
    this.#numbers.delete(holder);
    return () => {
      for (const [lease, its] of this.#holders) if (its === holder) this.release(holder, lease);
    };
  }

  onEffect(effect: EffectOf<'leased' | 'none' | 'keep' | 'lost'>): void {
    switch (effect.kind) {
      case 'leased':
        this.#onLeased(effect);
        return;
      case 'none':
        this.#onNone(effect);
        return;
      case 'keep':
        this.#onKeep(effect);
        return;
      case 'lost':
        this.#onLost(effect);
        return;
    }
  }

  #onLeased(effect: EffectOf<'leased'>): void {
    const waiting = this.#forget(effect.requestId);
    if (!waiting) {
      // Cancelled in the same moment.
      this.#step({ kind: 'release', lease: effect.lease });
      return;
    }
    this.#holders.set(effect.lease, waiting.holder);
    waiting.holder.send({ kind: 'leased', id: waiting.id, lease: effect.lease, node: effect.nodeId });
  }

  #onNone({ requestId, reason }: EffectOf<'none'>): void {
    const waiting = this.#forget(requestId);
    if (waiting) waiting.holder.send({ kind: 'none', id: waiting.id, reason });
  }

  #onKeep({ leases, forMs }: EffectOf<'keep'>): void {
    for (const [holder, its] of groupBy(leases, (lease) => this.#holders.get(lease))) {
      if (!holder) continue;
      // Two dispatchers of one user on one host are one to the leader.
      const keepMs = this.#isOtherWaiting(holder) ? 0 : forMs;
      holder.send({ kind: 'keep', leases: its, forMs: keepMs });
    }
  }

  #onLost({ lease, reason }: EffectOf<'lost'>): void {
    const holder = this.#holders.get(lease);
    if (holder) holder.send({ kind: 'lost', lease, reason });
    else this.#step({ kind: 'release', lease });
  }

  #isOtherWaiting(holder: Holder): boolean {
    for (const [other, { size }] of this.#numbers) if (other !== holder && size > 0) return true;
    return false;
  }

  #forget(requestId: number): Waiting | undefined {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    if (waiting) this.#numbers.get(waiting.holder)?.delete(waiting.id);
    return waiting;
  }
}
