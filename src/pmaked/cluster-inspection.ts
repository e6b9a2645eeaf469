/**
 * Inspection of the whole cluster for pmakectl: the leader lists its nodes, and each node describes itself. It takes a
 * bounded time and lists the nodes that did not answer. Unaware of who asked.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { BrokerSnapshot } from '../broker/core/broker.ts';
import type { FreeNode, Peer } from '../broker/core/messages.ts';
import type { Term } from '../broker/core/term.ts';
import type { NodeName } from '../protocol/names.ts';
import type { ClusterView, NodeView } from '../protocol/local-broker.ts';

/** The leader's roster comes in several datagrams; it is complete after this long without another one. */
const ROSTER_QUIET_MS = 60;
/** Many round trips of a local network. */
const ROSTER_LIMIT_MS = 600;
const ANSWER_LIMIT_MS = 600;
const LOOK_MS = 10;

/** What an inspection needs of its daemon. */
export interface InspectionPorts {
  readonly cluster: string;
  readonly self: () => NodeView;
  readonly status: () => BrokerSnapshot;
  readonly askRoster: () => void;
  readonly inspect: (peer: Peer) => void;
}

/** Collects one view of the cluster at a time. */
export class ClusterInspection {
  readonly #ports: InspectionPorts;
  readonly #roster = new Map<NodeName, FreeNode>();
  readonly #views = new Map<NodeName, NodeView>();
  #lastRosterMs = -Infinity;
  #running: Promise<ClusterView> | undefined;
  /** Set before the first question, because a leader on this host answers synchronously. */
  #isLooking = false;
  #term: Term | undefined;

  constructor(ports: InspectionPorts) {
    this.#ports = ports;
  }

  /** A caller that arrives during an inspection gets its result. */
  look(): Promise<ClusterView> {
    this.#running ??= this.#look().finally(() => {
      this.#isLooking = false;
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Records the leader from its own answer, because a busy host hears no heartbeats. */
  onCapacity(term: Term): void {
    this.#term = term;
  }

  onRoster(nodes: readonly FreeNode[]): void {
    if (!this.#isLooking) return;
    this.#lastRosterMs = performance.now();
    for (const node of nodes) this.#roster.set(node.nodeId, node);
  }

  onCondition(from: Peer, view: NodeView): void {
    // A node may describe only itself.
    if (this.#isLooking && view.node === from.nodeId) this.#views.set(from.nodeId, view);
  }

  #forget(): void {
    this.#roster.clear();
    this.#views.clear();
    this.#term = undefined;
    this.#lastRosterMs = -Infinity;
  }

  async #look(): Promise<ClusterView> {
    const { cluster, self, status, askRoster, inspect } = this.#ports;
    const own = self();
    this.#isLooking = true;
    this.#forget();
    askRoster();
    await until(
      ROSTER_LIMIT_MS,
      () => this.#roster.size > 0 && performance.now() - this.#lastRosterMs > ROSTER_QUIET_MS,
    );
    this.#roster.delete(own.node);
    for (const node of this.#roster.values()) inspect(node);
    await until(ANSWER_LIMIT_MS, () => this.#views.size >= this.#roster.size);
    const term = this.#term ?? status().term;
    const nodes = [own, ...this.#views.values()].sort((a, b) => a.node.localeCompare(b.node, 'en', { numeric: true }));
    return {
      cluster,
      node: own.node,
      ...(term && { leader: { node: term.nodeId, term: term.counter } }),
      nodes,
      silent: [...this.#roster.keys()].filter((node) => !this.#views.has(node)).sort(),
    };
  }
}

async function until(limitMs: number, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!isSo() && performance.now() < endMs) await delay(LOOK_MS);
}
