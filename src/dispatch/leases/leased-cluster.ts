/**
 * Cluster whose broker on this host leases slots to this user: connects the broker connection, the account of leases
 * and the connections to nodes. Unaware of jobs, and of where they run without a broker.
 */
import type { BrokerStatus } from '../../protocol/control.ts';
import type { BrokerAnswer } from '../../protocol/local-broker.ts';
import { startPatientTimer } from '../../util/patience.ts';
import { WakeUp } from '../../util/wake-up.ts';
import type { Fleet } from '../nodes/fleet.ts';
import { BrokerLink } from './broker-connection.ts';
import { ClusterSpeeds } from './cluster-speeds.ts';
import { LeaseAccount, type LeaseEffect } from './lease-account.ts';
import { LeaseSource } from './lease-source.ts';
import { LeasedNodes, type LeasedFleet, type LeasedNodesOptions } from './leased-nodes.ts';
import type { UserLeases } from './user-leases.ts';

/** A newly connected broker learns the cluster's slots within this time. A broker without a leader says nothing. */
const CAPACITY_PATIENCE_MS = 1_500;

/** Totals of the other nodes of the cluster. */
export interface ClusterCapacity {
  readonly slots: number;
  readonly nodes: number;
}

/** What a leased cluster needs. */
export interface LeasedClusterOptions extends Pick<LeasedNodesOptions, 'configured'> {
  readonly sockets: readonly string[];
  readonly fleet: LeasedFleet & Pick<Fleet, 'tryAgain'>;
  /** A slot became free, or the slots to expect changed. */
  readonly onSlots: () => void;
  /** The broker came or went. */
  readonly onBroker: () => void;
  /** The number of leases held on a node has changed. */
  readonly onHeld: (node: string) => void;
}

/** The cluster of this host's broker. */
export class LeasedCluster {
  /** The leased slots. */
  readonly source: LeaseSource;
  readonly #options: LeasedClusterOptions;
  readonly #link: BrokerLink;
  readonly #account = new LeaseAccount((effect) => this.#carryOut(effect));
  readonly #nodes: LeasedNodes;
  readonly #speeds = new ClusterSpeeds();
  #capacity: ClusterCapacity | undefined;
  #endCapacityWait: () => void = () => undefined;
  readonly #wakeUp = new WakeUp(() => {
    this.#settle();
    this.#options.onSlots();
  });

  constructor(options: LeasedClusterOptions) {
    this.#options = options;
    this.source = new LeaseSource({ account: this.#account, onChange: () => this.#settle() });
    this.#nodes = new LeasedNodes({
      fleet: options.fleet,
      configured: options.configured,
      onOutlook: (name, outlook) => this.#account.noteNode(name, outlook, performance.now()),
    });
    const handlers = {
      onUp: () => this.#onLink(true),
      onDown: () => this.#onLink(false),
      onAnswer: (answer: BrokerAnswer) => this.#onAnswer(answer),
    };
    this.#link = new BrokerLink({ sockets: options.sockets, handlers });
  }

  /** Resolves when it is known whether there is a broker. */
  open(): Promise<void> {
    return this.#link.open();
  }

  close(): void {
    this.#link.close();
    this.#endCapacityWait();
    this.#wakeUp.cancel();
  }

  /** True while a broker answers. */
  get isUp(): boolean {
    return this.#link.state.isUp;
  }

  /** Undefined until the broker has reported it, or the wait for that timed out. */
  get capacity(): ClusterCapacity | undefined {
    return this.#capacity;
  }

  /** A sentence on why an existing broker is not used; empty if it is used, or if none exists. */
  get problem(): string {
    return this.#link.state.problem;
  }

  /** The fleet's names of nodes that are leased, or were recently. */
  names(): Set<string> {
    return this.#nodes.names((name) => this.leases.held(name) > 0, performance.now());
  }

  /** For status displays; undefined if no broker was ever found. */
  status(): BrokerStatus | undefined {
    const { isUp, socket, node, problem } = this.#link.state;
    if (!isUp && socket === '' && problem === '') return undefined;
    return {
      state: isUp ? 'connected' : 'lost',
      socket,
      node: node ?? '',
      problem,
      slots: this.#capacity?.slots ?? 0,
      nodes: this.#capacity?.nodes ?? 0,
      leases: this.#account.pool.leases.size,
      asked: this.#account.requests.open,
      waiting: this.#account.demand.waiting,
    };
  }

  /** Leases by node. */
  get leases(): Pick<UserLeases, 'held' | 'inUse'> {
    return this.#account.pool.leases;
  }

  /** A node of the fleet came up, was refused, was lost or was dropped. */
  nodesChanged(): void {
    this.#nodes.look();
    this.#settle();
  }

  /** A build begins: refused nodes are retried without waiting for their turn. */
  tryAgain(): void {
    this.#account.forecast.renew(performance.now());
    this.#options.fleet.tryAgain(this.names());
  }

  /** The broker's speed of a node, or `asked` while a query is in flight; undefined for nodes it does not own. */
  speedOf(name: string): number | 'asked' | undefined {
    const id = this.#nodes.idOf(name);
    if (id === undefined) return undefined;
    return this.#speeds.of(id);
  }

  /** Reports the measured speed of a node to the broker. */
  tellSpeed(name: string, speed: number): void {
    const id = this.#nodes.idOf(name);
    if (id !== undefined) this.#link.send({ kind: 'speed', node: id, speed });
  }

  #onLink(isUp: boolean): void {
    this.#capacity = undefined;
    this.#endCapacityWait();
    this.#speeds.reset();
    if (isUp) {
      this.#account.linkUp(performance.now());
      this.#endCapacityWait = startPatientTimer(CAPACITY_PATIENCE_MS, () => this.#setCapacity({ slots: 0, nodes: 0 }));
    } else {
      this.#account.linkDown(performance.now());
    }
    this.#settle();
    this.#options.onBroker();
  }

  #onAnswer(answer: BrokerAnswer): void {
    const now = performance.now();
    const { pool, requests } = this.#account;
    switch (answer.kind) {
      case 'leased': {
        // Return a lease that was not requested, without connecting its node: a broken broker may name a thousand.
        const isAsked = requests.isOpen(answer.id);
        if (isAsked && this.#speeds.mustAsk(answer.node, now)) this.#link.send({ kind: 'cluster' });
        const name = isAsked ? this.#nodes.use(answer.node, now) : answer.node;
        if (name !== undefined) this.#account.leased(answer.id, answer.lease, name, now);
        else {
          this.#link.send({ kind: 'release', lease: answer.lease });
          requests.refused(answer.id, now);
        }
        break;
      }
      case 'none':
        requests.refused(answer.id, now);
        break;
      case 'extend':
        pool.extend(answer.leases, answer.forMs, now);
        return;
      case 'lost':
        pool.lost(answer.lease, answer.reason);
        break;
      case 'capacity':
        this.#setCapacity(answer);
        return;
      case 'cluster':
        this.#speeds.answered(answer.cluster.nodes);
        return;
      case 'welcome':
      case 'refused':
      case 'drained':
      default:
        // Not meant for dispatchers, or from a later release.
        return;
    }
    this.#settle();
    this.#options.onSlots();
  }

  #setCapacity({ slots, nodes }: ClusterCapacity): void {
    this.#endCapacityWait();
    this.#capacity = { slots, nodes };
    this.#account.setCapacity(slots);
    this.#settle();
    this.#options.onSlots();
  }

  #carryOut(effect: LeaseEffect): void {
    switch (effect.kind) {
      case 'request': {
        const exclude = this.#nodes.excludedIds(effect.excluded, this.#link.state.node);
        this.#link.send({ kind: 'request', id: effect.id, patienceMs: effect.patienceMs, exclude });
        return;
      }
      case 'cancel':
      case 'release':
        this.#link.send(effect);
        return;
      case 'stop':
        this.source.revoke(effect.lease, effect.reason === 'evicted' ? 'evicted' : 'lease-lost');
        return;
      case 'held':
        this.#options.onHeld(effect.node);
        return;
    }
  }

  #settle(): void {
    this.#wakeUp.set(this.#account.settle(performance.now()));
  }
}
