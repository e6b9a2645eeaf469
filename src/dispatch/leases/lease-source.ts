/**
 * Source of the slots that this host's broker leases: connects the broker connection, the account of leases and
 * the connections to nodes. Unaware of jobs but for their numbers, and of where they run without a broker.
 */
import type { BrokerStatus } from '../../protocol/control.ts';
import type { BrokerAnswer } from '../../protocol/local-broker.ts';
import { deferred, type Deferred } from '../../util/deferred.ts';
import { startPatientTimer } from '../../util/patience.ts';
import { WakeUp } from '../../util/wake-up.ts';
import { lastingExclusions, type Exclusions } from '../exclusions.ts';
import { BrokerLink } from './broker-connection.ts';
import { ClusterSpeeds } from './cluster-speeds.ts';
import type { Fleet } from '../nodes/fleet.ts';
import type { RetryReason } from '../reasons.ts';
import type { Capacity, JobNeeds, Outlook, RemoteSlot, SlotScope, SlotSource } from '../slot-source.ts';
import type { UserLeases } from './user-leases.ts';
import { LeaseAccount, type LeaseEffect } from './lease-account.ts';
import { LeasedNodes, type LeasedFleet, type LeasedNodesOptions } from './leased-nodes.ts';

/** A newly connected broker learns the cluster's slots within this time. A broker without a leader says nothing. */
const CAPACITY_PATIENCE_MS = 1_500;

/** Totals of the other nodes of the cluster. */
export interface ClusterCapacity {
  readonly slots: number;
  readonly nodes: number;
}

/** What a lease source needs. */
export interface LeaseSourceOptions extends Pick<LeasedNodesOptions, 'configured'> {
  readonly sockets: readonly string[];
  readonly fleet: LeasedFleet & Pick<Fleet, 'tryAgain'>;
  /** A slot became free, or the slots to expect changed. */
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
  readonly #account = new LeaseAccount((effect) => this.#carryOut(effect));
  readonly #nodes: LeasedNodes;
  readonly #revocations = new Map<string, Deferred<RetryReason>>();
  readonly #speeds = new ClusterSpeeds();
  readonly #lasting = new WeakMap<Exclusions, ReadonlySet<string>>();
  #capacity: ClusterCapacity | undefined;
  #endCapacityWait: () => void = () => undefined;
  readonly #wakeUp = new WakeUp(() => {
    this.#settle();
    this.#options.onSlots();
  });

  constructor(options: LeaseSourceOptions) {
    this.#options = options;
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
  get cluster(): ClusterCapacity | undefined {
    return this.#capacity;
  }

  /** A sentence on why an existing broker is not used; empty if it is used, or if none exists. */
  get problem(): string {
    return this.#link.state.problem;
  }

  /** The fleet's names of nodes that are leased, or were recently. */
  names(): Set<string> {
    return this.#nodes.names((name) => this.#account.pool.leases.held(name) > 0, performance.now());
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
      leases: this.#account.pool.leases.size,
      asked: this.#account.requests.open,
      waiting: this.#account.demand.waiting,
    };
  }

  get isFull(): boolean {
    return this.#account.pool.isFull;
  }

  /** Leases by node. */
  get leases(): Pick<UserLeases, 'held' | 'inUse'> {
    return this.#account.pool.leases;
  }

  demand(job: number, needs: JobNeeds | undefined): void {
    const { demand } = this.#account;
    // Jobs that never waited end here as well: most of them, with every grant and every end. Nodes that are being checked
    // are not excluded: their leases are held already.
    const isNews = needs?.mayLease
      ? demand.add(job, this.#lastingOf(needs.exclusions), performance.now())
      : demand.remove(job);
    if (isNews) this.#settle();
  }

  acquire({ mayLease, exclusions }: JobNeeds): RemoteSlot | undefined {
    const slot = mayLease ? this.#account.acquire(exclusions, performance.now()) : undefined;
    if (!slot) return undefined;
    this.#revocations.set(slot.lease, deferred<RetryReason>());
    return { kind: 'node', source: this, ...slot };
  }

  revoked({ lease = '' }: RemoteSlot): Promise<RetryReason> | undefined {
    return this.#revocations.get(lease)?.promise;
  }

  release({ lease = '' }: RemoteSlot): void {
    this.#revocations.delete(lease);
    this.#account.pool.release(lease, performance.now());
    this.#settle();
  }

  outlook(job: number, { mayLease, exclusions }: JobNeeds): Outlook {
    if (!mayLease) return { kind: 'none', slots: 0 };
    const kind = this.#account.forecast.mayServe(job, exclusions) ? 'ready' : 'none';
    return { kind, slots: this.#account.forecast.expectedSlots(performance.now()) };
  }

  capacity({ isLeasing }: SlotScope): Capacity {
    return { slots: isLeasing ? (this.#capacity?.slots ?? 0) : 0, isKnown: !isLeasing || this.#capacity !== undefined };
  }

  openSlots({ isLeasing }: SlotScope): number {
    if (!isLeasing) return 0;
    return this.#account.forecast.openSlots(performance.now());
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

  #lastingOf(exclusions: Exclusions): ReadonlySet<string> {
    const lasting = this.#lasting.get(exclusions) ?? lastingExclusions(exclusions);
    this.#lasting.set(exclusions, lasting);
    return lasting;
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
    switch (answer.kind) {
      case 'leased': {
        // Return a lease that was not requested, without connecting its node: a broken broker may name a thousand.
        const isAsked = this.#account.requests.isOpen(answer.id);
        if (isAsked && this.#speeds.mustAsk(answer.node, now)) this.#link.send({ kind: 'cluster' });
        const name = isAsked ? this.#nodes.use(answer.node, now) : answer.node;
        if (name !== undefined) this.#account.leased(answer.id, answer.lease, name, now);
        else {
          this.#link.send({ kind: 'release', lease: answer.lease });
          this.#account.requests.refused(answer.id, now);
        }
        break;
      }
      case 'none':
        this.#account.requests.refused(answer.id, now);
        break;
      case 'keep':
        this.#account.pool.keep(answer.leases, answer.forMs, now);
        return;
      case 'lost':
        this.#account.pool.lost(answer.lease, answer.reason);
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
        this.#revocations.get(effect.lease)?.resolve(effect.reason === 'evicted' ? 'evicted' : 'lease-lost');
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
