/**
 * Account of this user with the cluster's broker: brings demand, requests, leases and the forecast of slots together
 * where an event concerns more than one of them. Pure: events and a time in, effects out. Unaware of sockets, of the
 * queue of jobs, and of when it is called.
 */
import { LeaseDemand } from './lease-demand.ts';
import { LeasePool, type LeasedSlot, type PoolEffect } from './lease-pool.ts';
import { LeaseRequests, type RequestEffect } from './lease-requests.ts';
import type { NodeOutlook } from './leased-nodes.ts';
import { NodeOutlooks } from './node-outlooks.ts';
import { SlotForecast } from './slot-forecast.ts';

/** What the account's owner must do. */
export type LeaseEffect = RequestEffect | PoolEffect;

/** Demand, requests and leases of this user. After events, `settle` must be called before time passes. */
export class LeaseAccount {
  /** The jobs that wait for leases. */
  readonly demand = new LeaseDemand();
  /** What jobs may count on. */
  readonly forecast: SlotForecast;
  readonly #emit: (effect: LeaseEffect) => void;
  readonly #nodes = new NodeOutlooks();
  readonly #requests: LeaseRequests;
  readonly #pool: LeasePool;

  constructor(emit: (effect: LeaseEffect) => void) {
    this.#emit = emit;
    this.#requests = new LeaseRequests(this.demand, emit);
    this.#pool = new LeasePool(this.#nodes, emit);
    const { leases } = this.#pool;
    this.forecast = new SlotForecast({ leases, nodes: this.#nodes, demand: this.demand, requests: this.#requests });
  }

  /** What is held. */
  get pool(): Pick<LeasePool, 'isFull' | 'leases' | 'release' | 'extend' | 'lost'> {
    return this.#pool;
  }

  /** What is requested. */
  get requests(): Pick<LeaseRequests, 'open' | 'isOpen' | 'refused'> {
    return this.#requests;
  }

  /** Takes a free slot, which must be given back once by the pool's `release`. */
  acquire(excluded: Pick<ReadonlySet<string>, 'has'>, nowMs: number): LeasedSlot | undefined {
    const slot = this.#pool.acquire(excluded, nowMs);
    if (slot) this.demand.noteUse(nowMs);
    return slot;
  }

  /** A broker answers. */
  linkUp(nowMs: number): void {
    this.#pool.linkUp();
    this.forecast.linkUp(nowMs);
    this.#requests.begin();
  }

  /** No broker answers. */
  linkDown(nowMs: number): void {
    this.#pool.linkDown(nowMs);
    this.forecast.linkDown();
    this.#requests.end();
  }

  /** The broker reported the slots of the cluster. */
  setCapacity(slots: number): void {
    this.forecast.setCapacity(slots);
    this.#requests.setCapacity(slots);
  }

  /** A lease on `node` was granted for a request. Idempotent; the lease is released at once if no job can use it. */
  leased(request: number, id: string, node: string, nowMs: number): void {
    if (this.#pool.leases.get(id)) return;
    // A broker only considers the last of a job's many excluded nodes.
    const isUsable = this.#nodes.of(node) !== 'unusable' && !this.#requests.excludes(request, node);
    if (!isUsable) this.#requests.refused(request, nowMs);
    if (isUsable && this.#requests.granted(request)) this.#pool.add(id, node, nowMs);
    else this.#emit({ kind: 'release', lease: id });
  }

  /** The outlook for a node has changed. */
  noteNode(node: string, outlook: NodeOutlook | 'forgotten', nowMs: number): void {
    this.#nodes.set(node, outlook);
    this.forecast.giveBack(this.#pool.noteNode(node, outlook, nowMs), nowMs);
  }

  /**
   * Acts on what happened and on the time: ends unused leases, requests missing ones and cancels surplus requests.
   * @returns when it must be called again even if nothing happens
   */
  settle(nowMs: number): number {
    this.#pool.tick(nowMs);
    this.forecast.note(nowMs);
    const counts = { held: this.#pool.leases.size, ready: this.#pool.ready };
    this.#requests.balance(counts, () => this.#nodes.unusable(), nowMs);
    return Math.min(this.#pool.nextTickMs(), this.forecast.nextTickMs(nowMs), this.#requests.nextTickMs(nowMs));
  }
}
