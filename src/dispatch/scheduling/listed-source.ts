/** Source of the listed nodes' slots for the scheduler. Unaware of jobs and of the broker. */
import type { NodeStatus } from '../../protocol/control.ts';
import type { Fleet } from '../nodes/fleet.ts';
import type { Capacity, JobNeeds, Outlook, RemoteSlot, SlotScope, SlotSource } from '../slot-source.ts';
import type { NodeSlots } from './slot-pool.ts';

/** What a listed source needs. */
export interface ListedSourceOptions {
  readonly pool: NodeSlots;
  readonly fleet: Pick<Fleet, 'usable' | 'slotsAhead' | 'stateOf' | 'status'>;
  /** Status of nodes as users see it: a node that a build may not use is refused. */
  readonly statusOf: (names: ReadonlySet<string>) => readonly NodeStatus[];
  /** Slots that a node is expected to have until it reports their number. */
  readonly usualSlots: () => number;
}

/** Source of the listed nodes' slots. */
export class ListedSource implements SlotSource {
  readonly #options: ListedSourceOptions;
  /** Valid until nodes change. */
  #outlooks = new WeakMap<JobNeeds, Outlook>();

  constructor(options: ListedSourceOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#options.pool.isFull;
  }

  acquire({ listed, exclusions }: JobNeeds): RemoteSlot | undefined {
    if (listed.size === 0) return undefined;
    const node = this.#options.pool.acquire(listed, exclusions);
    return node === undefined ? undefined : { kind: 'node', node, source: this };
  }

  release({ node }: RemoteSlot): void {
    this.#options.pool.release(node);
  }

  outlook(_job: number, needs: JobNeeds): Outlook {
    let outlook = this.#outlooks.get(needs);
    if (!outlook) {
      outlook = this.#look(needs);
      this.#outlooks.set(needs, outlook);
    }
    return outlook;
  }

  /** Nodes came or went, or exclusions changed. */
  nodesChanged(): void {
    this.#outlooks = new WeakMap();
  }

  /** No-op: all slots of listed nodes are known. */
  demand(): void {
    return;
  }

  /** Slots of listed nodes are never revoked. */
  revoked(): undefined {
    return undefined;
  }

  capacity({ nodes }: SlotScope): Capacity {
    const all = this.#options.fleet.status(nodes);
    const isKnown = !all.some(({ state, slots }) => state === 'connecting' && slots === 0);
    return { slots: sumOfSlots(all), isKnown };
  }

  openSlots({ nodes }: SlotScope): number {
    return sumOfSlots(this.#options.statusOf(nodes).filter(({ state }) => state !== 'refused' && state !== 'lost'));
  }

  #look({ listed, exclusions }: JobNeeds): Outlook {
    const { fleet, usualSlots } = this.#options;
    const likely = [...fleet.usable(listed)].filter((node) => {
      const exclusion = exclusions.get(node);
      return exclusion === undefined || exclusion === 'being-checked';
    });
    const isReady = likely.some((node) => !exclusions.has(node) && fleet.stateOf(node) === 'up');
    const kind = isReady ? 'ready' : likely.length > 0 ? 'pending' : 'none';
    return { kind, slots: fleet.slotsAhead(likely, usualSlots()) };
  }
}

function sumOfSlots(nodes: readonly NodeStatus[]): number {
  return nodes.reduce((total, { slots }) => total + slots, 0);
}
