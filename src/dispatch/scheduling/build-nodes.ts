/**
 * Nodes of builds: which nodes a build uses, and how many slots it may count on. A build with a list of its own
 * (PMAKE_NODES) uses that list. Other builds use the broker's nodes while a broker answers, and otherwise the nodes of
 * the config file. Unaware of jobs and of which job gets a slot.
 */
import { existsSync } from 'node:fs';
import type { NodeStatus } from '../../protocol/control.ts';
import type { Build } from '../builds/build-book.ts';
import type { LeasedCluster } from '../leases/leased-cluster.ts';
import type { Admission } from '../nodes/admission.ts';
import type { Fleet } from '../nodes/fleet.ts';
import type { NodeLists } from '../nodes/node-lists.ts';
import type { SlotSource } from '../slot-source.ts';

/** Where the nodes of builds come from. */
export interface BuildNodesOptions {
  readonly nodeLists: NodeLists;
  readonly fleet: Fleet;
  readonly admission: Admission;
  readonly broker: LeasedCluster | undefined;
  /** Paths of sockets on which this host's broker may listen. */
  readonly brokerSockets: readonly string[];
  readonly sources: readonly SlotSource[];
  /** Nodes of the builds and jobs that still need their connections. */
  readonly wantedNodes: () => readonly ReadonlySet<string>[];
}

/** Finds the nodes of each build. */
export class BuildNodes {
  readonly #options: BuildNodesOptions;

  constructor(options: BuildNodesOptions) {
    this.#options = options;
  }

  /**
   * The listed nodes that `build` uses; connects them.
   * @param text PMAKE_NODES
   * @param directory where the build runs, if that is known
   */
  use(text: string | undefined, build: Build, directory?: string): ReadonlySet<string> {
    const { nodeLists, fleet, admission, broker } = this.#options;
    const { scope } = build;
    const list = nodeLists.get(text);
    const leasing = text === undefined && broker?.isUp ? broker : undefined;
    const source = leasing ?? list;
    // Once per build and list, not once per job: two builds may describe one node differently.
    if (scope.list === source) return scope.nodes;
    scope.list = source;
    admission.renew(directory);
    scope.isLeasing = leasing !== undefined;
    for (const problem of list.problems) build.problems.add(problem);
    if (leasing) {
      scope.nodes = NO_NODES;
      scope.nodesConfigured = leasing.capacity?.nodes ?? 0;
      leasing.tryAgain();
    } else {
      if (text === undefined && broker?.problem) build.problems.add(broker.problem);
      scope.nodesConfigured = Math.max(scope.nodesConfigured, list.specs.length);
      scope.nodes = fleet.use(list.specs);
    }
    this.#retain();
    return scope.nodes;
  }

  /**
   * True if there is a list (`text`: PMAKE_NODES), a broker, or a socket on which a broker listened and may listen
   * again.
   */
  mayExist(text: string | undefined): boolean {
    const { nodeLists, broker, brokerSockets } = this.#options;
    if (nodeLists.get(text).specs.length > 0) return true;
    if (text !== undefined) return false;
    return broker?.status() !== undefined || brokerSockets.some((path) => existsSync(path));
  }

  /** All known nodes that `build` may use. */
  namesOf({ scope }: Build): ReadonlySet<string> {
    const { broker } = this.#options;
    return scope.isLeasing && broker ? new Set([...scope.nodes, ...broker.names()]) : scope.nodes;
  }

  /** Status of the nodes in `names`, or of the whole fleet, with the reasons for which jobs are refused. */
  status(names?: ReadonlySet<string>): NodeStatus[] {
    const { fleet, admission } = this.#options;
    return fleet.status(names).map((node) => {
      const refusals = node.state === 'up' ? admission.nodes.refusals(node.name) : [];
      if (refusals.length === 0) return node;
      return { ...node, state: admission.nodes.isStranger(node.name) ? 'refused' : 'up', reason: refusals.join('; ') };
    });
  }

  /** Slots on nodes that `build` may count on, as far as nodes and the broker have answered. */
  capacity({ scope }: Build): { readonly slots: number; readonly isKnown: boolean } {
    const { sources, broker } = this.#options;
    if (scope.isLeasing) scope.nodesConfigured = Math.max(scope.nodesConfigured, broker?.capacity?.nodes ?? 0);
    const all = sources.map((source) => source.capacity(scope));
    return { slots: all.reduce((total, { slots }) => total + slots, 0), isKnown: all.every(({ isKnown }) => isKnown) };
  }

  /** Slots that jobs of `build` can use now, in use or not. */
  openSlots({ scope }: Build): number {
    return this.#options.sources.reduce((total, source) => total + source.openSlots(scope), 0);
  }

  /** Drops nodes that no build and no running job may use. */
  #retain(): void {
    const { broker, wantedNodes, fleet } = this.#options;
    const wanted = broker?.names() ?? new Set<string>();
    for (const names of wantedNodes()) for (const name of names) wanted.add(name);
    fleet.retain(wanted);
  }
}

const NO_NODES: ReadonlySet<string> = new Set();
