/**
 * Slots of the listed nodes that this dispatcher assigns itself, less those that are leased, so that no slot is
 * assigned twice. Unaware of jobs and of connections.
 */
import type { UserLeases } from '../leases/user-leases.ts';
import type { FleetPool } from '../nodes/fleet.ts';
import { StaticPool } from './listed-slots.ts';

/** Pool of the listed nodes' slots. */
export class NodeSlots implements FleetPool {
  readonly #listed: StaticPool;
  readonly #leased: Pick<UserLeases, 'held' | 'inUse'> | undefined;
  readonly #speedOf: (node: string) => number;
  /** Node that is up → its slots, leased or not. */
  readonly #slots = new Map<string, number>();

  constructor(options: {
    readonly random: () => number;
    readonly speedOf?: (node: string) => number;
    readonly leased?: Pick<UserLeases, 'held' | 'inUse'> | undefined;
  }) {
    this.#listed = new StaticPool(options.random);
    this.#speedOf = options.speedOf ?? (() => 1);
    this.#leased = options.leased;
  }

  get isFull(): boolean {
    return this.#listed.isFull;
  }

  /** The node is up, or its number of slots changed. */
  setNode(node: string, slots: number): void {
    this.#slots.set(node, slots);
    this.refresh(node);
  }

  removeNode(node: string): void {
    this.#slots.delete(node);
    this.#listed.removeNode(node);
  }

  /** Leases of the node came or went, or its speed changed. */
  refresh(node: string): void {
    const slots = this.#slots.get(node);
    if (slots === undefined) return;
    const unleased = Math.max(0, slots - (this.#leased?.held(node) ?? 0));
    this.#listed.setNode({ id: node, slots: unleased, speed: this.#speedOf(node) });
  }

  /** Jobs on the node, under leases or not. */
  inFlight(node: string): number {
    return this.#listed.inFlight(node) + (this.#leased?.inUse(node) ?? 0);
  }

  /** Takes a slot on the best node of `eligible` that is not in `excluded`; undefined if none is free. */
  acquire(eligible: ReadonlySet<string>, excluded: Pick<ReadonlySet<string>, 'has'>): string | undefined {
    return this.#listed.acquire(eligible, excluded);
  }

  /** @throws RangeError if no slot of the node is in use */
  release(node: string): void {
    this.#listed.release(node);
  }
}
