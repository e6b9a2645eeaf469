/**
 * Nodes whose hard limits are below those that jobs have here. Remembered for the environment that asked for them and for as
 * long as the node stays connected, so that it costs one job a round trip and not each. Unaware of how that is found out.
 */
import { LIMITS, type LimitName } from '../../protocol/inherited.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import type { RetryReason } from '../reasons.ts';

/** What people call them, and how a shell shows the hard one. */
const LIMIT_WORDS: Readonly<Record<LimitName, string>> = {
  cpu: 'CPU time (ulimit -Ht)',
  fsize: 'file size (ulimit -Hf)',
  data: 'data (ulimit -Hd)',
  stack: 'stack (ulimit -Hs)',
  core: 'core files (ulimit -Hc)',
  nofile: 'open files (ulimit -Hn)',
  as: 'virtual memory (ulimit -Hv)',
};

/** @param name as a node says it */
export function describeLowLimit(name: string): string {
  const known = LIMITS.find((one) => one === name);
  return `its hard limit on ${known ? LIMIT_WORDS[known] : 'something'} is below what jobs have here`;
}

export interface UnfitNode {
  readonly node: string;
  readonly reason: RetryReason;
}

export class UnfitNodes {
  /** By the node's name, with the connection: after another one it may have other limits. */
  readonly #known = new WeakMap<KnownEnvironment, Map<string, { reason: RetryReason; connection: object }>>();

  /** @param connection undefined where it is gone already */
  note(environment: KnownEnvironment, { node, reason }: UnfitNode, connection: object | undefined): void {
    if (!connection) return;
    const nodes = this.#known.get(environment) ?? new Map<string, { reason: RetryReason; connection: object }>();
    this.#known.set(environment, nodes.set(node, { reason, connection }));
  }

  /** @param connectionOf the node's connection as it is now */
  of(environment: KnownEnvironment, connectionOf: (node: string) => object | undefined): UnfitNode[] {
    const nodes = [...(this.#known.get(environment) ?? [])];
    return nodes
      .filter(([node, { connection }]) => connectionOf(node) === connection)
      .map(([node, { reason }]) => ({ node, reason }));
  }
}
