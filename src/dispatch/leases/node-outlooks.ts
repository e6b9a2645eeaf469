/**
 * Outlooks for the nodes of leases, as last reported. Pure; unaware of leases and of why an outlook changes.
 */
import type { NodeOutlook } from './leased-nodes.ts';

/** The outlook for each known node. */
export class NodeOutlooks {
  readonly #outlooks = new Map<string, NodeOutlook>();
  #unusable = 0;

  /** The outlook for a node; undefined if the node is not known. */
  of(node: string): NodeOutlook | undefined {
    return this.#outlooks.get(node);
  }

  /** The outlook for a node has changed. */
  set(node: string, outlook: NodeOutlook | 'forgotten'): void {
    if (this.#outlooks.get(node) === 'unusable') this.#unusable -= 1;
    // Reinserted at the end, because a broker only considers the newest if there are many.
    this.#outlooks.delete(node);
    if (outlook === 'forgotten') return;
    this.#outlooks.set(node, outlook);
    if (outlook === 'unusable') this.#unusable += 1;
  }

  /** Nodes that no job can use, the most recent last. */
  unusable(): string[] {
    return [...this.#outlooks].filter(([, outlook]) => outlook === 'unusable').map(([node]) => node);
  }

  /** True if nodes are known and none can be used. */
  get areAllUnusable(): boolean {
    return this.#unusable > 0 && this.#unusable === this.#outlooks.size;
  }
}
