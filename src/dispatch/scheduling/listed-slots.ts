/**
 * The nodes that a dispatcher knows from its own list, ranked as a leader ranks them.
 * Unaware of the network and of brokers: the dispatcher says who is up, and is the only one that takes slots.
 */
import { pickBest } from '../../broker/core/ranking.ts';

/** A node as its owner describes it. `slots` whole and not negative, `speed` above 0 with 1 as the usual. */
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

  /** The node is down: nothing is acquired there until `setNode`. Its slots in use are still to be released. */
  removeNode(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.up = false;
    this.#forgetIfUnused(entry);
  }

  /**
   * Takes a slot on the best node of `eligible`, less `exclude`; undefined when none has one.
   * Each id returned is to be released once.
   */
  acquire(eligible: ReadonlySet<string>, exclude?: Pick<ReadonlySet<string>, 'has'>): string | undefined {
    const wanted = ({ node: { id } }: PoolEntry): boolean => eligible.has(id) && exclude?.has(id) !== true;
    const best = pickBest(this.#entries.values(), wanted, this.#random);
    if (best === undefined) return undefined;
    best.inFlight++;
    return best.node.id;
  }

  /** @throws RangeError when no slot of `id` is in use: released twice, which would hand one slot to two jobs */
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

  /** True when no node that is up has a free slot. */
  get isFull(): boolean {
    for (const entry of this.#entries.values()) if (entry.freeSlots > 0) return false;
    return true;
  }

  // A node that went down and comes back must not get its running jobs' slots twice, so the count outlives it.
  #forgetIfUnused(entry: PoolEntry): void {
    if (!entry.up && entry.inFlight === 0) this.#entries.delete(entry.node.id);
  }
}
