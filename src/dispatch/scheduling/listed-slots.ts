/**
 * Pool of the listed nodes' slots, ranked as a leader ranks them. Unaware of the network and of brokers: the dispatcher
 * reports which nodes are up, and is the only one that takes slots.
 */
import { pickBest } from '../../broker/core/ranking.ts';

/** A node as its owner describes it. `slots` is a non-negative integer, `speed` is above 0 and usually 1. */
export interface PoolNode {
  readonly id: string;
  readonly slots: number;
  readonly speed: number;
}

class PoolEntry {
  node: PoolNode;
  up = true;
  inFlight = 0;

  constructor(node: PoolNode) {
    this.node = node;
  }

  get speed(): number {
    return this.node.speed;
  }

  get freeSlots(): number {
    return this.up ? Math.max(0, this.node.slots - this.inFlight) : 0;
  }
}

/** Slots of known nodes. */
export class StaticPool {
  readonly #entries = new Map<string, PoolEntry>();
  readonly #random: () => number;

  /** @param random - uniform in [0, 1); breaks ties */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** The node is up, or its slots or speed changed. Slots in use stay in use. */
  setNode(node: PoolNode): void {
    const entry = this.#entries.get(node.id);
    if (entry === undefined) {
      this.#entries.set(node.id, new PoolEntry(node));
      return;
    }
    entry.node = node;
    entry.up = true;
  }

  /** The node is down: no slot is acquired there until `setNode`. Its slots in use must still be released. */
  removeNode(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.up = false;
    this.#forgetIfUnused(entry);
  }

  /**
   * Takes a slot on the best node of `eligible` that is not in `exclude`; undefined if none is free. Each returned id
   * must be released once.
   */
  acquire(eligible: ReadonlySet<string>, exclude?: Pick<ReadonlySet<string>, 'has'>): string | undefined {
    const wanted = ({ node: { id } }: PoolEntry): boolean => eligible.has(id) && exclude?.has(id) !== true;
    const best = pickBest(this.#entries.values(), wanted, this.#random);
    if (best === undefined) return undefined;
    best.inFlight++;
    return best.node.id;
  }

  /** @throws RangeError if no slot of `id` is in use: a double release would give one slot to two jobs */
  release(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.inFlight === 0) throw new RangeError(`no slot of ${id} is in use`);
    entry.inFlight--;
    this.#forgetIfUnused(entry);
  }

  inFlight(id: string): number {
    return this.#entries.get(id)?.inFlight ?? 0;
  }

  freeSlots(eligible: ReadonlySet<string>): number {
    let sum = 0;
    for (const entry of this.#entries.values()) if (eligible.has(entry.node.id)) sum += entry.freeSlots;
    return sum;
  }

  /** True if no node that is up has a free slot. */
  get isFull(): boolean {
    for (const entry of this.#entries.values()) if (entry.freeSlots > 0) return false;
    return true;
  }

  // The count outlives a node that goes down: when the node comes back, slots of running jobs must not be given twice.
  #forgetIfUnused(entry: PoolEntry): void {
    if (!entry.up && entry.inFlight === 0) this.#entries.delete(entry.node.id);
  }
}
