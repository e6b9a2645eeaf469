/**
 * Every slot that jobs may have on nodes: those of the node lists, which this dispatcher shares out itself, and those
 * leased from the broker. Unaware of jobs and of connections.
 */
import { StaticPool } from './listed-slots.ts';
import type { FleetPool } from '../nodes/fleet.ts';
import type { LeasedSlots } from '../leases/leased-slots.ts';
import type { NodePlace, SlotPool } from './slot-queue.ts';

export class NodeSlots implements SlotPool, FleetPool {
  readonly #listed: StaticPool;
  readonly #leased: LeasedSlots | undefined;
  readonly #speedOf: (node: string) => number;
  /** Node that is up → its slots, leased or not. */
  readonly #slots = new Map<string, number>();

  constructor(options: {
    readonly random: () => number;
    readonly speedOf?: (node: string) => number;
    readonly leased?: LeasedSlots | undefined;
  }) {
    this.#listed = new StaticPool(options.random);
    this.#speedOf = options.speedOf ?? (() => 1);
    this.#leased = options.leased;
  }

  get isFull(): boolean {
    return this.#listed.isFull && this.#leased?.isFull !== false;
  }

  /** The node is up, or the number of its slots is another. */
  setNode(node: string, slots: number): void {
    this.#slots.set(node, slots);
    this.refresh(node);
  }

  removeNode(node: string): void {
    this.#slots.delete(node);
    this.#listed.removeNode(node);
  }

  /** Leases of the node came or went, or its speed is another. A slot is not given twice: leased ones are not listed. */
  refresh(node: string): void {
    const slots = this.#slots.get(node);
    if (slots === undefined) return;
    const unleased = Math.max(0, slots - (this.#leased?.held(node) ?? 0));
    this.#listed.setNode({ id: node, slots: unleased, speed: this.#speedOf(node) });
  }

  inFlight(node: string): number {
    return this.#listed.inFlight(node) + (this.#leased?.inUse(node) ?? 0);
  }

  acquire(eligible: ReadonlySet<string>, excluded: ReadonlySet<string>): NodePlace | undefined {
    const node = this.#listed.acquire(eligible, excluded);
    return node === undefined ? undefined : { kind: 'node', node };
  }

  acquireLeased(excluded: ReadonlySet<string>): NodePlace | undefined {
    const slot = this.#leased?.acquire(excluded);
    return slot && { kind: 'node', ...slot };
  }

  mayLease(job: number, excluded: ReadonlySet<string>): boolean {
    return this.#leased?.mayServe(job, excluded) === true;
  }

  release({ node, lease }: NodePlace): void {
    if (lease === undefined) this.#listed.release(node);
    else this.#leased?.release(lease);
  }
}
