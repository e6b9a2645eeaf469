/** Speeds of the cluster's nodes as their broker reports them, and when to ask for them. Pure; unaware of connections. */
import type { NodeName } from '../../protocol/names.ts';

/** Minimum interval between queries of the whole cluster, which every node has to answer; new nodes are rare. */
const INTERVAL_MS = 60_000;

/** Speeds by the broker's names of nodes. */
export class ClusterSpeeds {
  #speeds: ReadonlyMap<string, number> = new Map();
  #askedMs = -Infinity;
  #isAsked = false;

  /** The broker is another one, or gone: no answer will come. */
  reset(): void {
    this.#isAsked = false;
  }

  /** True if the broker must be asked now because the speed of this node is unknown; the caller then asks. */
  mustAsk(node: NodeName, nowMs: number): boolean {
    if (this.#speeds.has(node) || nowMs - this.#askedMs < INTERVAL_MS) return false;
    this.#askedMs = nowMs;
    this.#isAsked = true;
    return true;
  }

  answered(nodes: readonly { readonly node: string; readonly speed: number }[]): void {
    this.#isAsked = false;
    this.#speeds = new Map(nodes.map(({ node, speed }) => [node, speed]));
  }

  /** The speed of a node, or `asked` while a query is in flight; undefined if it is unknown. */
  of(node: NodeName): number | 'asked' | undefined {
    return this.#speeds.get(node) ?? (this.#isAsked ? 'asked' : undefined);
  }
}
