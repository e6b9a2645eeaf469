/** An account of leases for tests that play the broker and set the time. */
import { expect } from 'vitest';
import { LeaseAccount, type LeaseEffect } from '../../../src/dispatch/leases/lease-account.ts';
import type { NodeOutlook } from '../../../src/dispatch/leases/leased-nodes.ts';

const ANY: ReadonlySet<string> = new Set();

/**
 * An account whose broker answers and whose node n1 is connected, unless the test says otherwise; the test sets the
 * time.
 */
export class AccountRig {
  readonly effects: LeaseEffect[] = [];
  readonly account = new LeaseAccount((effect) => this.effects.push(effect));
  nowMs = 0;
  /** When the account asked to be settled again. */
  nextMs = Infinity;

  constructor(slots = 8) {
    this.account.linkUp(0);
    this.node('n1', 'up');
    this.capacity(slots);
  }

  /** Effects since the last call, without those that are internal. */
  said(): string[] {
    return this.effects.splice(0).flatMap((effect) => {
      if (effect.kind === 'held') return [];
      if (effect.kind === 'request') return [['request', effect.id, ...effect.excluded].join(' ')];
      return [`${effect.kind} ${effect.kind === 'cancel' ? effect.id : effect.lease}`];
    });
  }

  get expected(): number {
    return this.account.forecast.expectedSlots(this.nowMs);
  }

  mayServe(job: number, excluded: ReadonlySet<string> = ANY): boolean {
    return this.account.forecast.mayServe(job, excluded);
  }

  want(job: number, excluded: ReadonlySet<string> = ANY): void {
    this.account.demand.add(job, excluded, this.nowMs);
    this.#settle();
  }

  unwant(job: number): void {
    this.account.demand.remove(job);
    this.#settle();
  }

  leased(request: number, lease: string, node = 'n1'): void {
    this.account.leased(request, lease, node, this.nowMs);
    this.#settle();
  }

  none(request: number): void {
    this.account.requests.refused(request, this.nowMs);
    this.#settle();
  }

  extend(leases: readonly string[], forMs: number): void {
    this.account.pool.extend(leases, forMs, this.nowMs);
  }

  lose(lease: string): void {
    this.account.pool.lost(lease, 'evicted');
    this.#settle();
  }

  capacity(slots: number): void {
    this.account.setCapacity(slots);
    this.#settle();
  }

  node(name: string, outlook: NodeOutlook | 'forgotten'): void {
    this.account.noteNode(name, outlook, this.nowMs);
    this.#settle();
  }

  link(is: 'up' | 'down'): void {
    if (is === 'up') this.account.linkUp(this.nowMs);
    else this.account.linkDown(this.nowMs);
    this.#settle();
  }

  /** Gives a free slot to a waiting job. */
  place(job: number, excluded: ReadonlySet<string> = ANY): string | undefined {
    const slot = this.account.acquire(excluded, this.nowMs);
    if (slot) this.unwant(job);
    return slot?.lease;
  }

  release(lease: string): void {
    this.account.pool.release(lease, this.nowMs);
    this.#settle();
  }

  /** Lets time pass, and settles whenever the account asks for it. */
  wait(forMs: number): void {
    const endMs = this.nowMs + forMs;
    while (this.nextMs <= endMs) {
      expect(this.nextMs).toBeGreaterThan(this.nowMs);
      this.nowMs = this.nextMs;
      this.#settle();
    }
    this.nowMs = endMs;
  }

  #settle(): void {
    this.nextMs = this.account.settle(this.nowMs);
  }

  /** One job runs under lease `a`, and no request is open. */
  static busy(): AccountRig {
    const rig = new AccountRig();
    rig.want(1);
    rig.leased(1, 'a');
    rig.place(1);
    rig.wait(1_000);
    rig.said();
    return rig;
  }
}
