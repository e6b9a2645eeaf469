/**
 * Nodes whose hard limits are below those that jobs have on this host. They are remembered for the environment that
 * needed the limits, for as long as the node stays connected, so that one job pays a round trip and not every job.
 * Unaware of how low limits are detected.
 */
import { LIMITS, type LimitName } from '../../protocol/inherited.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import type { RetryReason } from '../reasons.ts';

/** Names for users, with the shell command that shows the hard limit. */
const LIMIT_WORDS: Readonly<Record<LimitName, string>> = {
  cpu: 'CPU time (ulimit -Ht)',
  fsize: 'file size (ulimit -Hf)',
  data: 'data (ulimit -Hd)',
  stack: 'stack (ulimit -Hs)',
  core: 'core files (ulimit -Hc)',
  nofile: 'open files (ulimit -Hn)',
  as: 'virtual memory (ulimit -Hv)',
};

/**
 * What a node lacks, as a phrase that follows its name.
 * @param name as the node sent it
 */
export function describeLowLimit(name: string): string {
  const known = LIMITS.find((one) => one === name);
  return `its hard limit on ${known ? LIMIT_WORDS[known] : 'something'} is below what jobs have here`;
}

/** A node, and the reason for which it is unfit. */
export interface UnfitNode {
  readonly node: string;
  readonly reason: RetryReason;
}

/** Cache of unfit nodes, by environment. */
export class UnfitNodes {
  /** By node name. Each entry holds its connection, because a node may have other limits after it reconnects. */
  readonly #known = new WeakMap<KnownEnvironment, Map<string, { reason: RetryReason; connection: object }>>();

  /**
   * Remembers an unfit node.
   * @param connection undefined if it is already gone
   */
  note(environment: KnownEnvironment, { node, reason }: UnfitNode, connection: object | undefined): void {
    if (!connection) return;
    const nodes = this.#known.get(environment) ?? new Map<string, { reason: RetryReason; connection: object }>();
    this.#known.set(environment, nodes.set(node, { reason, connection }));
  }

  /**
   * The nodes that are unfit for an environment.
   * @param connectionOf the node's current connection
   */
  of(environment: KnownEnvironment, connectionOf: (node: string) => object | undefined): UnfitNode[] {
    const nodes = [...(this.#known.get(environment) ?? [])];
    return nodes
      .filter(([node, { connection }]) => connectionOf(node) === connection)
      .map(([node, { reason }]) => ({ node, reason }));
  }
}
