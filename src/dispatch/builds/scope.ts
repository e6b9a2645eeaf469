/**
 * Scope of a build: the nodes that its jobs may use, and those that proved useless to it. Unaware of what its jobs did,
 * and of connections.
 */

/** Useless answers of a node in a row before it is left out of the build. */
const MAX_USELESS_IN_A_ROW = 3;

/** Nodes of one build. */
export class BuildScope {
  /** The node list, or the source of leases, that `nodes` came from: an edit of the configuration creates another. */
  list: object | undefined;
  /** Names of the listed nodes that the build may use. */
  nodes: ReadonlySet<string> = new Set();
  /** True if the build uses slots leased by the broker, whichever nodes they are on. */
  isLeasing = false;
  /** Largest number of nodes that were configured or known at once. */
  nodesConfigured = 0;
  readonly #uselessInARow = new Map<string, number>();
  readonly #leftOut = new Set<string>();

  /** Nodes that were useless to too many jobs of the build. */
  get leftOut(): ReadonlySet<string> {
    return this.#leftOut;
  }

  /**
   * `node` sent a job back, or its outputs did not appear. After several in a row it is left out of the build: a node
   * that answers at once always has free slots, and every job would be sent there first.
   * @returns true if the node is left out from now on
   */
  noteUseless(node: string): boolean {
    const inARow = (this.#uselessInARow.get(node) ?? 0) + 1;
    this.#uselessInARow.set(node, inARow);
    if (inARow < MAX_USELESS_IN_A_ROW) return false;
    this.#leftOut.add(node);
    this.nodes = new Set([...this.nodes].filter((name) => name !== node));
    return true;
  }

  /** `node` ran a job of the build well. */
  noteUseful(node: string): void {
    this.#uselessInARow.delete(node);
  }
}
