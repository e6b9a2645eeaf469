/**
 * Who runs next, and where: a node's slot if one is free, else a slot of this host, else wait, first come first
 * served. Pure: events in, grants out. Unaware of what a job is beyond where it may run.
 */

export type Place = { readonly kind: 'node'; readonly node: string } | { readonly kind: 'here' };

export interface Waiting {
  readonly id: number;
  /** Node ids the job may run on; empty means here. */
  readonly eligible: ReadonlySet<string>;
  /** Nodes that failed it already. */
  readonly excluded: ReadonlySet<string>;
  /** False for a job that would rather wait for a node than run here. */
  readonly mayRunHere: boolean;
}

export interface Grant {
  readonly id: number;
  readonly place: Place;
}

/** The nodes' slots; broker/static-pool.ts is one. */
export interface SlotPool {
  /** The best node with a free slot, which is then taken; undefined when there is none. */
  acquire(eligible: ReadonlySet<string>, excluded: ReadonlySet<string>): string | undefined;
  release(node: string): void;
  /** True when no node has a free slot. */
  readonly isFull: boolean;
}

export class SlotQueue {
  readonly #pool: SlotPool;
  /** Insertion order is arrival order. */
  readonly #waiting = new Map<number, Waiting>();
  #localSlots: number;
  #localTaken = 0;

  constructor(pool: SlotPool, localSlots: number) {
    this.#pool = pool;
    this.#localSlots = localSlots;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get localSlots(): number {
    return this.#localSlots;
  }

  setLocalSlots(slots: number): Grant[] {
    this.#localSlots = slots;
    return this.#grantAll();
  }

  /** A job asks for a slot; the grant may be among the answer. */
  add(waiting: Waiting): Grant[] {
    this.#waiting.set(waiting.id, waiting);
    return this.#grantAll();
  }

  /** A job that waited went away. */
  remove(id: number): void {
    this.#waiting.delete(id);
  }

  release(place: Place): Grant[] {
    if (place.kind === 'here') this.#localTaken -= 1;
    else this.#pool.release(place.node);
    return this.#grantAll();
  }

  /** Nodes came, went or changed their slots. `eligibleOf` says anew where each waiting job may run. */
  nodesChanged(eligibleOf: (id: number) => ReadonlySet<string>): Grant[] {
    for (const [id, waiting] of this.#waiting) this.#waiting.set(id, { ...waiting, eligible: eligibleOf(id) });
    return this.#grantAll();
  }

  #grantAll(): Grant[] {
    const grants: Grant[] = [];
    // Node sets found full stay full within this pass: one look serves a thousand waiting jobs.
    const full = new Set<ReadonlySet<string>>();
    for (const waiting of this.#waiting.values()) {
      if (this.#localTaken >= this.#localSlots && this.#pool.isFull) break;
      const place = this.#placeFor(waiting, full);
      if (!place) continue;
      this.#waiting.delete(waiting.id);
      grants.push({ id: waiting.id, place });
    }
    return grants;
  }

  #placeFor(waiting: Waiting, full: Set<ReadonlySet<string>>): Place | undefined {
    const { eligible, excluded } = waiting;
    if (eligible.size > 0 && !(excluded.size === 0 && full.has(eligible))) {
      const node = this.#pool.acquire(eligible, excluded);
      if (node !== undefined) return { kind: 'node', node };
      if (excluded.size === 0) full.add(eligible);
    }
    const isHomeless = eligible.size === 0 || [...eligible].every((node) => excluded.has(node));
    if ((waiting.mayRunHere || isHomeless) && this.#localTaken < this.#localSlots) {
      this.#localTaken += 1;
      return { kind: 'here' };
    }
    return undefined;
  }
}
