/**
 * Slots that the broker of this host leases, as a source for the scheduler: ties the connection to the broker, the lease
 * pool and the connections to nodes together. Unaware of jobs but for their numbers, and of where they run without a
 * broker.
 */
import type { BrokerStatus } from '../../protocol/control.ts';
import { MAX_EXCLUDED_NAMES, type BrokerAnswer } from '../../protocol/local-broker.ts';
import { isNodeName, type NodeName } from '../../protocol/names.ts';
import { deferred, type Deferred } from '../../util/deferred.ts';
import { outOfPatience } from '../../util/patience.ts';
import { isSameSet } from '../../util/sets.ts';
import { lastingExclusions, type Exclusions } from '../exclusions.ts';
import { BrokerLink } from './broker-connection.ts';
import type { Fleet } from '../nodes/fleet.ts';
import type { RetryReason } from '../reasons.ts';
import type { Capacity, JobNeeds, Outlook, RemoteSlot, SlotScope, SlotSource } from '../slot-source.ts';
import { LeasePool, type LeaseEffect } from './lease-pool.ts';
import { LeasedNodes, type LeasedFleet, type LeasedNodesOptions } from './leased-nodes.ts';

/** A question about the whole cluster makes every node answer; new nodes are rare. */
const CLUSTER_INTERVAL_MS = 60_000;
/** A broker that has just begun to answer hears of the cluster's slots within this. One without a leader says nothing. */
const CAPACITY_PATIENCE_MS = 1_500;

/** What the other nodes of the cluster have. */
export interface ClusterCapacity {
  readonly slots: number;
  readonly nodes: number;
}

export interface LeaseSourceOptions extends Pick<LeasedNodesOptions, 'configured'> {
  readonly sockets: readonly string[];
  readonly fleet: LeasedFleet & Pick<Fleet, 'tryAgain'>;
  /** A slot became free, or other ones are to be expected. */
  readonly onSlots: () => void;
  /** The broker came or went. */
  readonly onBroker: () => void;
  /** The number of leases held on a node has changed. */
  readonly onHeld: (node: string) => void;
}

/** Source of the slots that the broker of this host leases. */
export class LeaseSource implements SlotSource {
  readonly #options: LeaseSourceOptions;
  readonly #link: BrokerLink;
  readonly #pool = new LeasePool((effect) => this.#carryOut(effect));
  readonly #nodes: LeasedNodes;
  readonly #revocations = new Map<string, Deferred<RetryReason>>();
  /** What the broker said of nodes, by the name that it knows them by. */
  #speeds: ReadonlyMap<string, number> = new Map();
  /** Jobs that wait, with the nodes that the broker was told not to give them. */
  readonly #demanded = new Map<number, ReadonlySet<string>>();
  readonly #lasting = new WeakMap<Exclusions, ReadonlySet<string>>();
  #clusterAskedMs = -Infinity;
  #isClusterAsked = false;
  #capacity: ClusterCapacity | undefined;
  #endCapacityWait: () => void = () => undefined;
  #timer: { readonly atMs: number; readonly handle: NodeJS.Timeout } | undefined;

  constructor(options: LeaseSourceOptions) {
    this.#options = options;
    this.#nodes = new LeasedNodes({
      fleet: options.fleet,
      configured: options.configured,
      onUp: (name) => this.#pool.nodeUp(name, performance.now()),
      onAwaited: (name) => this.#pool.nodeAwaited(name, performance.now()),
      onUnusable: (name) => this.#pool.nodeUnusable(name, performance.now()),
      onForgotten: (name) => this.#pool.nodeForgotten(name, performance.now()),
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
    clearTimeout(this.#timer?.handle);
  }

  /** A broker answers. */
  get isUp(): boolean {
    return this.#link.state.isUp;
  }

  /** Undefined until the broker has said it, or ought to have. */
  get cluster(): ClusterCapacity | undefined {
    return this.#capacity;
  }

  /** A sentence: why a broker that is there is not used. Empty when it is, or when there is none. */
  get problem(): string {
    return this.#link.state.problem;
  }

  /** The nodes that are or were leased a short while ago, as the fleet calls them. */
  names(): Set<string> {
    return this.#nodes.names((name) => this.#pool.held(name) > 0, performance.now());
  }

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
      leases: this.#pool.size,
      asked: this.#pool.open,
      waiting: this.#pool.waiting,
    };
  }

  get isFull(): boolean {
    return this.#pool.isFull;
  }

  held(node: string): number {
    return this.#pool.held(node);
  }

  inUse(node: string): number {
    return this.#pool.inUse(node);
  }

  demand(job: number, needs: JobNeeds | undefined): void {
    if (!needs?.mayLease) {
      if (this.#demanded.delete(job)) this.#pool.unwant(job, performance.now());
    } else {
      // Nodes that are being checked hold their leases already where they were leased.
      const excluded = this.#lastingOf(needs.exclusions);
      const told = this.#demanded.get(job);
      if (told && isSameSet(told, excluded)) return;
      if (told) this.#pool.unwant(job, performance.now());
      this.#demanded.set(job, excluded);
      this.#pool.want(job, excluded, performance.now());
    }
    this.#setTimer();
  }

  acquire({ mayLease, exclusions }: JobNeeds): RemoteSlot | undefined {
    const slot = mayLease ? this.#pool.acquire(exclusions, performance.now()) : undefined;
    if (!slot) return undefined;
    this.#revocations.set(slot.lease, deferred<RetryReason>());
    return { kind: 'node', source: this, ...slot };
  }

  revoked({ lease = '' }: RemoteSlot): Promise<RetryReason> | undefined {
    return this.#revocations.get(lease)?.promise;
  }

  release({ lease = '' }: RemoteSlot): void {
    this.#revocations.delete(lease);
    this.#pool.release(lease, performance.now());
    this.#setTimer();
  }

  outlook(job: number, { mayLease, exclusions }: JobNeeds): Outlook {
    if (!mayLease) return { kind: 'none', slots: 0 };
    const kind = this.#pool.mayServe(job, exclusions) ? 'ready' : 'none';
    return { kind, slots: this.#pool.expectedSlots(performance.now()) };
  }

  capacity({ isLeasing }: SlotScope): Capacity {
    return { slots: isLeasing ? (this.#capacity?.slots ?? 0) : 0, isKnown: !isLeasing || this.#capacity !== undefined };
  }

  openSlots({ isLeasing }: SlotScope): number {
    if (!isLeasing) return 0;
    return this.isUp ? (this.#capacity?.slots ?? 0) : this.#pool.expectedSlots(performance.now());
  }

  /** A node of the fleet came up, was refused, lost or let go. */
  nodesChanged(): void {
    this.#nodes.look();
    this.#setTimer();
  }

  /** A build begins: nodes that are refused are tried again without waiting for their turn. */
  tryAgain(): void {
    this.#options.fleet.tryAgain(this.names());
  }

  /** What the broker takes a node for, or `asked` when it is about to say so; undefined for a node not of its. */
  speedOf(name: string): number | 'asked' | undefined {
    const id = this.#nodes.idOf(name);
    if (id === undefined) return undefined;
    return this.#speeds.get(id) ?? (this.#isClusterAsked ? 'asked' : undefined);
  }

  /** Tells the broker how fast a node of the fleet proved to be. */
  tellSpeed(name: string, speed: number): void {
    const id = this.#nodes.idOf(name);
    if (id !== undefined) this.#link.send({ kind: 'speed', node: id, speed });
  }

  #lastingOf(exclusions: Exclusions): ReadonlySet<string> {
    const lasting = this.#lasting.get(exclusions) ?? lastingExclusions(exclusions);
    this.#lasting.set(exclusions, lasting);
    return lasting;
  }

  #onLink(isUp: boolean): void {
    this.#capacity = undefined;
    this.#endCapacityWait();
    this.#isClusterAsked = false;
    if (isUp) {
      this.#pool.linkUp(performance.now());
      this.#endCapacityWait = outOfPatience(CAPACITY_PATIENCE_MS, () => this.#setCapacity({ slots: 0, nodes: 0 }));
    } else {
      this.#pool.linkDown(performance.now());
    }
    this.#setTimer();
    this.#options.onBroker();
  }

  #onAnswer(answer: BrokerAnswer): void {
    const now = performance.now();
    switch (answer.kind) {
      case 'leased': {
        // One that was not asked for goes back, and its node is not connected: a broken broker may name a thousand.
        const isAsked = this.#pool.isAsked(answer.id);
        if (isAsked) this.#askForSpeeds(answer.node, now);
        const name = isAsked ? this.#nodes.use(answer.node, now) : answer.node;
        this.#pool.leased(answer.id, answer.lease, name, now);
        break;
      }
      case 'none':
        this.#pool.none(answer.id, now);
        break;
      case 'keep':
        this.#pool.keep(answer.leases, answer.forMs, now);
        return;
      case 'lost':
        this.#pool.lost(answer.lease, answer.reason, now);
        break;
      case 'capacity':
        this.#setCapacity(answer);
        return;
      case 'cluster':
        this.#isClusterAsked = false;
        this.#speeds = new Map(answer.cluster.nodes.map(({ node, speed }) => [node, speed]));
        return;
      case 'welcome':
      case 'refused':
      case 'drained':
      default:
        // Not for dispatchers, or of a later release.
        return;
    }
    this.#setTimer();
    this.#options.onSlots();
  }

  #setCapacity({ slots, nodes }: ClusterCapacity): void {
    this.#endCapacityWait();
    this.#capacity = { slots, nodes };
    this.#pool.setCapacity(slots, performance.now());
    this.#setTimer();
    this.#options.onSlots();
  }

  #askForSpeeds(id: NodeName, nowMs: number): void {
    if (this.#speeds.has(id) || nowMs - this.#clusterAskedMs < CLUSTER_INTERVAL_MS) return;
    this.#clusterAskedMs = nowMs;
    this.#isClusterAsked = true;
    this.#link.send({ kind: 'cluster' });
  }

  #carryOut(effect: LeaseEffect): void {
    switch (effect.kind) {
      case 'request': {
        // This host itself is no node for its own builds: it has local slots. Last, where a broker surely looks.
        const ids = effect.excluded
          .map((name) => this.#nodes.idOf(name) ?? name)
          // One of a list, like `n2:2222`; no broker has a node of such a name.
          .filter(isNodeName);
        const { node } = this.#link.state;
        const exclude = [...ids, ...(node === undefined ? [] : [node])].slice(-MAX_EXCLUDED_NAMES);
        this.#link.send({ kind: 'request', id: effect.id, patienceMs: effect.patienceMs, exclude });
        return;
      }
      case 'cancel':
      case 'release':
        this.#link.send(effect);
        return;
      case 'stop':
        this.#revocations.get(effect.lease)?.resolve(effect.reason === 'evicted' ? 'evicted' : 'lease-lost');
        return;
      case 'held':
        this.#options.onHeld(effect.node);
        return;
    }
  }

  /** One timer, for the next moment at which something happens by itself. */
  #setTimer(): void {
    const now = performance.now();
    const atMs = this.#pool.nextTickMs(now);
    if (this.#timer && this.#timer.atMs <= atMs) return;
    clearTimeout(this.#timer?.handle);
    this.#timer = undefined;
    if (atMs === Infinity) return;
    const handle = setTimeout(
      () => {
        this.#timer = undefined;
        this.#pool.tick(performance.now());
        this.#setTimer();
        this.#options.onSlots();
      },
      Math.ceil(atMs - now),
    );
    handle.unref();
    this.#timer = { atMs, handle };
  }
}
