/**
 * Leased nodes: the broker's name of each, the fleet's name, and whether it is up. Unaware of leases and of the broker.
 */
import type { NodeSpec } from '../../config/parse-nodes.ts';
import { MAX_EXCLUDED_NAMES } from '../../protocol/local-broker.ts';
import { isNodeName, type NodeName } from '../../protocol/names.ts';
import type { Fleet } from '../nodes/fleet.ts';

/** A node stays connected this long after its last lease: the next build is likely to get it again. */
const NODE_KEPT_MS = 5 * 60_000;
/** A member that leads could name ever new nodes. Further ones get no jobs until some have been without a lease. */
const MAX_NODES = 5_000;

/** The parts of the fleet used here. A node counts as awaited also while it is being checked. */
export type LeasedFleet = Pick<Fleet, 'useLeased' | 'stateOf' | 'isAwaited'>;

/**
 * The outlook for a node. `awaited`: it is being connected or checked, and is likely to be up soon. `unusable`:
 * it was refused or lost, and no slot is requested of it until it is up again.
 */
export type NodeOutlook = 'up' | 'awaited' | 'unusable';

/** The fleet, and events of nodes. */
export interface LeasedNodesOptions {
  readonly fleet: LeasedFleet;
  /** The configuration's entry for this node, if it has one. */
  readonly configured: (node: NodeName) => NodeSpec | undefined;
  /** Called with the fleet's name of a node when its outlook changes, and when it is forgotten. */
  readonly onOutlook: (name: string, outlook: NodeOutlook | 'forgotten') => void;
}

interface LeasedNode {
  /** The broker's name of the node. */
  readonly id: NodeName;
  usedMs: number;
  /** The last outlook that was reported; a new node starts as awaited. */
  told: NodeOutlook;
}

/** The nodes of current and recent leases. */
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

  /**
   * The broker's names of excluded nodes, as many as it considers.
   * @param own this host, which is no node for its own builds because it has local slots
   */
  excludedIds(names: readonly string[], own: NodeName | undefined): readonly NodeName[] {
    // A listed node may be called `n2:2222`, which is not a valid name for a broker.
    const ids = names.map((name) => this.idOf(name) ?? name).filter(isNodeName);
    // The last are certainly considered.
    return [...ids, ...(own === undefined ? [] : [own])].slice(-MAX_EXCLUDED_NAMES);
  }

  /**
   * The fleet's name of a node that the broker just leased; a new node is connected from now on. Undefined if there are
   * too many.
   */
  use(id: NodeName, nowMs: number): string | undefined {
    const { fleet, configured } = this.#options;
    const known = this.#nameOf.get(id);
    const node = known === undefined ? undefined : this.#nodes.get(known);
    if (known !== undefined && node && fleet.stateOf(known) !== undefined) {
      node.usedMs = nowMs;
      return known;
    }
    if (this.#nodes.size >= MAX_NODES) return undefined;
    const name = fleet.useLeased(configured(id) ?? { name: id, host: id });
    const added: LeasedNode = { id, usedMs: nowMs, told: 'awaited' };
    this.#nodes.set(name, added);
    this.#nameOf.set(id, name);
    this.#look(name, added);
    return name;
  }

  /** Nodes that have a lease, or had one recently. */
  names(isHeld: (name: string) => boolean, nowMs: number): Set<string> {
    for (const [name, node] of this.#nodes) {
      if (isHeld(name)) node.usedMs = nowMs;
      else if (nowMs - node.usedMs > NODE_KEPT_MS) this.#forget(name, node);
    }
    return new Set(this.#nodes.keys());
  }

  /** Nodes of the fleet changed. */
  look(): void {
    for (const [name, node] of this.#nodes) this.#look(name, node);
  }

  #look(name: string, node: LeasedNode): void {
    const { fleet, onOutlook } = this.#options;
    const state = fleet.stateOf(name);
    if (state === undefined) {
      this.#forget(name, node);
      return;
    }
    const outlook = fleet.isAwaited(name) ? 'awaited' : state === 'up' ? 'up' : 'unusable';
    // Reconnecting is no news about a node that was refused.
    if (outlook === node.told || (outlook === 'awaited' && node.told === 'unusable')) return;
    node.told = outlook;
    onOutlook(name, outlook);
  }

  #forget(name: string, { id }: LeasedNode): void {
    this.#nodes.delete(name);
    if (this.#nameOf.get(id) === name) this.#nameOf.delete(id);
    this.#options.onOutlook(name, 'forgotten');
  }
}
