/**
 * The nodes that were leased: what the broker calls each, what the fleet calls it, and whether it is up.
 * Unaware of leases and of the broker.
 */
import type { NodeSpec } from '../../config/nodes.ts';
import type { NodeName } from '../../protocol/names.ts';
import type { Fleet } from '../nodes/fleet.ts';

/** A node stays connected so long after its last lease: the next build is likely to get it again. */
const NODE_KEPT_MS = 5 * 60_000;

/** What is asked of the fleet here. A node is awaited also while it is checked. */
export type LeasedFleet = Pick<Fleet, 'useLeased' | 'stateOf' | 'isAwaited'>;

export interface LeasedNodesOptions {
  readonly fleet: LeasedFleet;
  /** How the configuration says that this node is reached, if it does. */
  readonly configured: (node: NodeName) => NodeSpec | undefined;
  /** Each with the fleet's name of the node. */
  readonly onUp: (name: string) => void;
  /** It was up, and will be again in a moment. */
  readonly onAwaited: (name: string) => void;
  readonly onUnusable: (name: string) => void;
  readonly onForgotten: (name: string) => void;
}

/** `awaited`: it is being connected or checked, and likely to be up in a moment. */
type Outlook = 'up' | 'awaited' | 'unusable';

interface LeasedNode {
  /** What the broker calls it. */
  readonly id: NodeName;
  usedMs: number;
  /** As it was told; what is new is taken for awaited. */
  told: Outlook;
}

export class LeasedNodes {
  readonly #options: LeasedNodesOptions;
  readonly #nodes = new Map<string, LeasedNode>();
  readonly #nameOf = new Map<string, string>();

  constructor(options: LeasedNodesOptions) {
    this.#options = options;
  }

  idOf(name: string): NodeName | undefined {
    return this.#nodes.get(name)?.id;
  }

  /** What the fleet calls the node that the broker leased just now; a new one is being connected from here on. */
  use(id: NodeName, nowMs: number): string {
    const { fleet, configured } = this.#options;
    const known = this.#nameOf.get(id);
    const node = known === undefined ? undefined : this.#nodes.get(known);
    if (known !== undefined && node && fleet.stateOf(known) !== undefined) {
      node.usedMs = nowMs;
      return known;
    }
    const name = fleet.useLeased(configured(id) ?? { name: id, host: id });
    const added: LeasedNode = { id, usedMs: nowMs, told: 'awaited' };
    this.#nodes.set(name, added);
    this.#nameOf.set(id, name);
    this.#look(name, added);
    return name;
  }

  /** Those that hold a lease, or did a short while ago. */
  names(isHeld: (name: string) => boolean, nowMs: number): Set<string> {
    for (const [name, node] of this.#nodes) {
      if (isHeld(name)) node.usedMs = nowMs;
      else if (nowMs - node.usedMs > NODE_KEPT_MS) this.#forget(name, node);
    }
    return new Set(this.#nodes.keys());
  }

  /** Something happened to a node of the fleet. */
  look(): void {
    for (const [name, node] of this.#nodes) this.#look(name, node);
  }

  #look(name: string, node: LeasedNode): void {
    const { fleet, onUp, onAwaited, onUnusable } = this.#options;
    const state = fleet.stateOf(name);
    if (state === undefined) {
      this.#forget(name, node);
      return;
    }
    const outlook = fleet.isAwaited(name) ? 'awaited' : state === 'up' ? 'up' : 'unusable';
    // Being connected again is no news of a node that was refused.
    if (outlook === node.told || (outlook === 'awaited' && node.told === 'unusable')) return;
    node.told = outlook;
    if (outlook === 'up') onUp(name);
    else if (outlook === 'awaited') onAwaited(name);
    else onUnusable(name);
  }

  #forget(name: string, { id }: LeasedNode): void {
    this.#nodes.delete(name);
    if (this.#nameOf.get(id) === name) this.#nameOf.delete(id);
    this.#options.onForgotten(name);
  }
}
