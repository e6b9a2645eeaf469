/** A source of slots under the test's control: its nodes, their slots, and the outlook of jobs. */
import { lastingExclusions } from '../../../src/dispatch/exclusions.ts';
import type { Capacity, JobNeeds, Outlook, RemoteSlot, SlotSource } from '../../../src/dispatch/slot-source.ts';

export class FakeSource implements SlotSource {
  readonly slots: Map<string, number>;
  readonly taken: string[] = [];
  /** The last demand of each waiting job. */
  readonly demands = new Map<number, JobNeeds>();
  /** Slots that jobs may count on; by default those that exist. */
  promised: number | undefined;
  /** Nodes that will soon be up. */
  pending: readonly string[] = [];

  constructor(slots: Readonly<Record<string, number>>) {
    this.slots = new Map(Object.entries(slots));
  }

  get isFull(): boolean {
    return [...this.slots.keys()].every((node) => this.#free(node) === 0);
  }

  acquire({ listed, exclusions }: JobNeeds): RemoteSlot | undefined {
    const node = [...this.slots.keys()].find((one) => listed.has(one) && !exclusions.has(one) && this.#free(one) > 0);
    if (node === undefined) return undefined;
    this.taken.push(node);
    return { kind: 'node', node, source: this };
  }

  release({ node }: RemoteSlot): void {
    const at = this.taken.indexOf(node);
    if (at < 0) throw new RangeError(`no slot of ${node} is taken`);
    this.taken.splice(at, 1);
  }

  outlook(_job: number, { listed, exclusions }: JobNeeds): Outlook {
    const lasting = lastingExclusions(exclusions);
    const up = [...this.slots.keys()].filter((node) => listed.has(node) && !lasting.has(node));
    const isReady = up.some((node) => !exclusions.has(node));
    const isPending = up.length > 0 || this.pending.some((node) => listed.has(node) && !lasting.has(node));
    const slots = up.reduce((total, node) => total + (this.slots.get(node) ?? 0), 0);
    return { kind: isReady ? 'ready' : isPending ? 'pending' : 'none', slots: this.promised ?? slots };
  }

  demand(job: number, needs: JobNeeds | undefined): void {
    if (needs) this.demands.set(job, needs);
    else this.demands.delete(job);
  }

  revoked(): undefined {
    return undefined;
  }

  capacity(): Capacity {
    return { slots: 0, isKnown: true };
  }

  openSlots(): number {
    return 0;
  }

  #free(node: string): number {
    return (this.slots.get(node) ?? 0) - this.taken.filter((one) => one === node).length;
  }
}
