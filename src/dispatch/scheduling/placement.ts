/**
 * Where jobs may run: on the nodes of a list, on slots that the broker leases, or here; and who gets the next slot.
 * A build with a list of its own (PMAKE_NODES) has that. The others have the broker's nodes while a broker answers,
 * else the config file's, and beside these for a while the slots that the lost broker gave. Unaware of what a job is.
 */
import { existsSync } from 'node:fs';
import type { NodeStatus } from '../../protocol/control.ts';
import { isSameSet } from '../../util/sets.ts';
import { Admission, type Need, type Ticket } from '../nodes/admission.ts';
import type { LocalReason, Work } from '../nodes/wants.ts';
import type { NoSlotReason, RetryReason } from '../reasons.ts';
import { BrokerNodes, type BrokerNodesOptions } from '../leases/lease-source.ts';
import type { Build } from '../builds/tally.ts';
import { Fleet, type FleetOptions } from '../nodes/fleet.ts';
import type { NodeLists } from '../nodes/node-lists.ts';
import { NodeSlots } from './slot-pool.ts';
import { NodeSpeeds, type JobKind } from './node-speeds.ts';
import { SlotQueue, type Choice, type Grant, type NodePlace, type Place } from './slot-queue.ts';

/** From so many slots on nodes for each one here, compiles wait for a node rather than run here. */
const WAIT_FOR_NODE_FACTOR = 2;

export interface PlacementOptions {
  readonly fleet: Pick<FleetOptions, 'connect' | 'findMismatch'>;
  readonly nodeLists: NodeLists;
  /** Compiles at once on this host where the configuration does not say. */
  readonly localSlots: number;
  /** Where the broker of this host may listen; absent: it is not looked for. */
  readonly broker?: Pick<BrokerNodesOptions, 'sockets'>;
  /** See AdmissionOptions. */
  readonly hashesPath?: string;
  /** The nodes of the builds that are open or may be followed by one like it. */
  readonly wantedNodes: () => readonly ReadonlySet<string>[];
}

/** What a job is here. */
export interface PlacedJob {
  readonly id: number;
  /** Nodes that failed it. */
  readonly excluded: ReadonlySet<string>;
  readonly isRemotePossible: boolean;
  /** Its place in line, see Waiting. */
  readonly rankMs: number;
}

/** Why a job was given a slot here. */
export interface NoSlot {
  readonly reason: NoSlotReason;
  readonly detail?: string;
}

interface Entry {
  readonly build: Build;
  /** Its PMAKE_NODES. */
  readonly text: string | undefined;
  /** What it wants of a node; absent for a job that stays here. */
  readonly need: Need | undefined;
  /** Nodes of lists that it may use. */
  names: ReadonlySet<string>;
}

/** A job in the queue. */
interface Wait {
  /** With undefined when its shim went away. */
  readonly resolve: (place: Place | undefined) => void;
  /** Nodes that failed the job. */
  readonly failed: ReadonlySet<string>;
  readonly isRemotePossible: boolean;
  /** What the broker was told not to give it; undefined while nothing was asked of the broker. */
  told: ReadonlySet<string> | undefined;
}

interface UsableNodes {
  readonly names: ReadonlySet<string>;
  /** To be found fit or not. */
  readonly checking: ReadonlySet<string>;
  /** Of those that are up, or will be in a moment, and of those that are yet to be found fit. */
  readonly slots: number;
}

export class Placement {
  readonly fleet: Fleet;
  readonly admission: Admission;
  readonly broker: BrokerNodes | undefined;
  readonly #options: PlacementOptions;
  readonly #slots: NodeSlots;
  readonly #queue: SlotQueue;
  readonly #speeds = new NodeSpeeds();
  readonly #jobs = new Map<number, Entry>();
  readonly #waits = new Map<number, Wait>();
  /** Usable nodes by node list and need; kept until nodes change, so that the queue can tell sets apart by identity. */
  #usableOf = new WeakMap<ReadonlySet<string>, Map<Need | undefined, UsableNodes>>();

  constructor(options: PlacementOptions) {
    this.#options = options;
    this.broker = options.broker && new BrokerNodes(this.#brokerOptions(options.broker));
    this.#slots = new NodeSlots({
      random: Math.random,
      speedOf: (node) => this.#speeds.speedOf(node),
      leased: this.broker,
    });
    this.#queue = new SlotQueue(this.#slots, options.nodeLists.localSlots ?? options.localSlots);
    this.fleet = new Fleet({ ...options.fleet, pool: this.#slots, onChange: () => this.#nodesChanged() });
    this.admission = new Admission({
      link: (node) => this.fleet.link(node),
      hashesPath: options.hashesPath,
      onChange: () => this.#nodesChanged(),
    });
  }

  get localSlots(): number {
    return this.#queue.localSlots;
  }

  /** Resolves when it is known whether there is a broker: a build should not begin without the one that has just come. */
  async open(): Promise<void> {
    await this.broker?.open();
  }

  close(): void {
    this.broker?.close();
    this.fleet.close();
    this.admission.close();
  }

  /** Jobs on nodes now. */
  get remoteTaken(): number {
    return this.#queue.remoteTaken;
  }

  /** Jobs that wait for a slot. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  /** So many jobs on nodes at once at most; Infinity for as many as there are slots. */
  limitRemote(limit: number): void {
    this.#grantAll(this.#queue.setRemoteLimit(limit));
  }

  configChanged(): void {
    this.#grantAll(this.#queue.setLocalSlots(this.#options.nodeLists.localSlots ?? this.#options.localSlots));
    this.#chooseAgain();
  }

  /**
   * A job of `build` arrived; `text` is its PMAKE_NODES, `work` what may go to a node. The answer is why it may not, after
   * all.
   */
  add(id: number, build: Build, text: string | undefined, work: Work | undefined): LocalReason | undefined {
    const names = this.useNodes(text, build, work?.cwd);
    const need = work && this.admission.needOf(work);
    this.#jobs.set(id, { build, text, names, need: need?.local ? undefined : need });
    return need?.local;
  }

  delete(id: number): void {
    this.#jobs.delete(id);
    this.broker?.unwant(id);
  }

  /** The nodes of lists that `build` uses, connected from here on. `directory`: where it runs, if that is known. */
  useNodes(text: string | undefined, build: Build, directory?: string): ReadonlySet<string> {
    const list = this.#options.nodeLists.get(text);
    const leasing = text === undefined && this.broker?.isUp ? this.broker : undefined;
    const source = leasing ?? list;
    // Once per build and list, not once per job: two builds may describe one node differently.
    if (build.nodeList === source) return build.nodes;
    build.nodeList = source;
    this.admission.renew(directory);
    build.isLeasing = leasing !== undefined;
    for (const problem of list.problems) build.problems.add(problem);
    if (leasing) {
      build.nodes = NOWHERE;
      build.nodesConfigured = leasing.capacity?.nodes ?? 0;
      leasing.tryAgain();
    } else {
      if (text === undefined && this.broker?.problem) build.problems.add(this.broker.problem);
      build.nodesConfigured = Math.max(build.nodesConfigured, list.specs.length);
      build.nodes = this.fleet.use(list.specs);
    }
    this.#retainNodes();
    return build.nodes;
  }

  /** Is there a list (`text`: PMAKE_NODES), or a broker, or a socket where one was and may be again? */
  mayHaveNodes(text: string | undefined): boolean {
    if (this.#options.nodeLists.get(text).specs.length > 0) return true;
    if (text !== undefined) return false;
    const sockets = this.#options.broker?.sockets ?? [];
    return this.broker?.status() !== undefined || sockets.some((path) => existsSync(path));
  }

  /** Every node that `build` may use, as far as it is known. */
  namesOf(build: Build): ReadonlySet<string> {
    return build.isLeasing && this.broker ? new Set([...build.nodes, ...this.broker.names()]) : build.nodes;
  }

  /** Every node of the fleet, or those of `names`, with what they are refused for. */
  nodeStatus(names?: ReadonlySet<string>): NodeStatus[] {
    return this.fleet.status(names).map((node) => {
      const refusals = node.state === 'up' ? this.admission.refusals(node.name) : [];
      if (refusals.length === 0) return node;
      return {
        ...node,
        state: this.admission.isStranger(node.name) ? 'refused' : 'up',
        reason: refusals.join('; '),
      };
    });
  }

  /** The slots on nodes that `build` may count on; undefined while nobody has said how many there are. */
  remoteSlots(build: Build): number | undefined {
    if (!build.isLeasing || !this.broker) {
      const nodes = this.fleet.status(build.nodes);
      if (nodes.some((node) => node.state === 'connecting' && node.slots === 0)) return undefined;
      return nodes.reduce((total, node) => total + node.slots, 0);
    }
    const { capacity } = this.broker;
    build.nodesConfigured = Math.max(build.nodesConfigured, capacity?.nodes ?? 0);
    return capacity?.slots;
  }

  /** Of those, the ones that jobs may have now: nodes are lost and refused, and the file server may be behind. */
  openSlots(build: Build): number {
    const isOpen = ({ state }: NodeStatus): boolean => state !== 'refused' && state !== 'lost';
    const listed = this.nodeStatus(build.nodes).filter(isOpen);
    let slots = listed.reduce((total, node) => total + node.slots, 0);
    if (build.isLeasing && this.broker) {
      slots += this.broker.isUp ? (this.broker.capacity?.slots ?? 0) : this.broker.expectedSlots();
    }
    return Math.min(slots, this.#queue.remoteLimit);
  }

  /** What is known of them, when nobody waits any longer. */
  leastSlots(build: Build): number {
    return this.fleet.status(build.nodes).reduce((total, node) => total + node.slots, 0);
  }

  /** Waits for a slot, on a node that was checked for such jobs. Undefined when `cancelled` came first. */
  async acquire(job: PlacedJob, cancelled: Promise<void>): Promise<Place | undefined> {
    let { excluded } = job;
    for (;;) {
      const place = await this.#waitForSlot(job, excluded, cancelled);
      if (place?.kind !== 'node') return place;
      const need = this.#jobs.get(job.id)?.need;
      if (!need || (await this.admission.admit(place.node, need))) return place;
      this.release(place);
      // Else the queue knows: it would give the same slot again and again.
      if (!need.unfit.has(place.node)) excluded = new Set([...excluded, place.node]);
    }
  }

  /** A free slot of a node that was checked for such jobs; undefined when there is none now. Leaves the job as it was. */
  acquireNow(job: Pick<PlacedJob, 'id' | 'excluded'>): NodePlace | undefined {
    const entry = this.#jobs.get(job.id);
    if (!entry?.need) return undefined;
    const choice = this.#choiceFor(entry, job.excluded);
    const place = this.#queue.takeFree(choice);
    if (!place) {
      // For the next of its kind: they come one after the other.
      if (choice.mayLease) this.broker?.want(job.id, sparedFor(job.excluded, entry));
      return undefined;
    }
    this.broker?.unwant(job.id);
    if (this.admission.admit(place.node, entry.need) === true) return place;
    this.release(place);
    return undefined;
  }

  /** What a job takes along to a node that it was admitted to. */
  ticket(id: number, node: string): Ticket {
    return this.admission.ticket(node, this.#jobs.get(id)?.need);
  }

  #waitForSlot(job: PlacedJob, failed: ReadonlySet<string>, cancelled: Promise<void>): Promise<Place | undefined> {
    return new Promise((resolve) => {
      const { id, rankMs, isRemotePossible } = job;
      this.#waits.set(id, { resolve, failed, isRemotePossible, told: undefined });
      void cancelled.then(() => this.#forgetWait(id));
      const mayRunHere = (): boolean => !isRemotePossible || this.#mayRunHere(id);
      const choice = this.#choiceOf(id);
      this.#grantAll(this.#queue.add({ id, rankMs, ...choice, mayRunHere }));
      this.#tellBroker(id);
    });
  }

  #forgetWait(id: number): void {
    const wait = this.#waits.get(id);
    // Granted already: the job finds out itself and gives the slot back.
    if (!wait) return;
    this.#waits.delete(id);
    this.#queue.remove(id);
    this.broker?.unwant(id);
    wait.resolve(undefined);
  }

  release(place: Place): void {
    this.#grantAll(this.#queue.release(place));
  }

  /** Resolves when the place is taken back; undefined for one that nobody takes back. */
  revoked({ lease }: NodePlace): Promise<RetryReason> | undefined {
    return lease === undefined ? undefined : this.broker?.revoked(lease);
  }

  /** Of a job that has just been given a slot here: why not one of a node. */
  whyNoNode(id: number): NoSlot {
    const entry = this.#jobs.get(id);
    if (!entry) return { reason: 'no-nodes' };
    const { names, checking } = this.#usable(entry);
    const isServed = this.#mayLease(entry) && this.broker?.mayServe(id, entry.need?.unfit ?? NOWHERE) === true;
    if (isServed || [...names].some((node) => this.fleet.stateOf(node) === 'up')) return { reason: 'nodes-busy' };
    if (names.size + checking.size > 0) return { reason: 'nodes-not-ready' };
    const detail = entry.need && entry.need.refused.size > 0 ? this.admission.refusalFor(entry.need) : undefined;
    return detail === undefined ? { reason: 'no-nodes' } : { reason: 'nodes-unfit', detail };
  }

  /** Times those of a node of speed 1. */
  speedOf(node: string): number {
    return this.#speeds.speedOf(node);
  }

  noteFinished(node: string, kind: JobKind, cpuMs: number): void {
    this.fleet.countFinished(node);
    const known = this.broker?.speedOf(node);
    if (known === 'asked') return;
    if (known !== undefined) this.#speeds.begin(node, known);
    const speed = this.#speeds.observe(node, kind, cpuMs, performance.now());
    this.#slots.refresh(node);
    if (speed !== undefined) this.broker?.tellSpeed(node, speed);
  }

  #brokerOptions(options: Pick<BrokerNodesOptions, 'sockets'>): BrokerNodesOptions {
    return {
      ...options,
      fleet: {
        useLeased: (spec) => this.fleet.useLeased(spec),
        stateOf: (name) => this.fleet.stateOf(name),
        isAwaited: (name) => this.fleet.isAwaited(name) || this.admission.isSlow(name),
        tryAgain: (names) => this.fleet.tryAgain(names),
      },
      configured: (node) => this.#options.nodeLists.get(undefined).specs.find(({ name }) => name === node),
      onSlots: () => this.#grantAll(this.#queue.slotsChanged()),
      onBroker: () => this.#chooseAgain(),
      onHeld: (node) => this.#slots.refresh(node),
    };
  }

  #grantAll(grants: readonly Grant[]): void {
    for (const { id, place } of grants) {
      const wait = this.#waits.get(id);
      this.#waits.delete(id);
      this.broker?.unwant(id);
      wait?.resolve(place);
    }
  }

  /** Jobs without a list of their own may have other nodes than before. */
  #chooseAgain(): void {
    for (const entry of this.#jobs.values()) {
      if (entry.text === undefined) entry.names = this.useNodes(undefined, entry.build);
    }
    this.#nodesChanged();
  }

  /** Nodes that neither builds nor running jobs may use are let go. */
  #retainNodes(): void {
    const wanted = this.broker?.names() ?? new Set<string>();
    const lists = [...this.#jobs.values()].map(({ names }) => names);
    for (const names of [...lists, ...this.#options.wantedNodes()]) {
      for (const name of names) wanted.add(name);
    }
    this.fleet.retain(wanted);
  }

  #mayLease(entry: Entry | undefined): boolean {
    return this.broker !== undefined && entry?.text === undefined;
  }

  /** Of a job that waits, as nodes are now. */
  #choiceOf(id: number): Choice {
    const entry = this.#jobs.get(id);
    const { failed = NOWHERE, isRemotePossible = false } = this.#waits.get(id) ?? {};
    if (entry && isRemotePossible) return this.#choiceFor(entry, failed);
    return { eligible: NOWHERE, checking: NOWHERE, excluded: failed, mayLease: false };
  }

  #choiceFor(entry: Entry, failed: ReadonlySet<string>): Choice {
    const { names: eligible, checking } = this.#usable(entry);
    const mayLease = this.#mayLease(entry);
    return { eligible, checking, excluded: mayLease ? withUnusable(failed, entry) : failed, mayLease };
  }

  /** That a job waits, and for which nodes not, where that is news. */
  #tellBroker(id: number): void {
    const wait = this.#waits.get(id);
    const entry = this.#jobs.get(id);
    if (!wait?.isRemotePossible || !entry || !this.#mayLease(entry)) return;
    const spared = sparedFor(wait.failed, entry);
    if (wait.told && isSameSet(wait.told, spared)) return;
    if (wait.told) this.broker?.unwant(id);
    wait.told = spared;
    this.broker?.want(id, spared);
  }

  /** With nodes that have many more slots than this host, a compile waits for one: make and ld need this host. */
  #mayRunHere(id: number): boolean {
    const entry = this.#jobs.get(id);
    if (!entry) return true;
    const leased = this.#mayLease(entry) ? (this.broker?.expectedSlots() ?? 0) : 0;
    return this.#usable(entry).slots + leased < WAIT_FOR_NODE_FACTOR * this.localSlots;
  }

  #usable({ names, need }: Entry): UsableNodes {
    const byNeed = this.#usableOf.get(names) ?? new Map<Need | undefined, UsableNodes>();
    this.#usableOf.set(names, byNeed);
    let usable = byNeed.get(need);
    if (!usable) {
      const known = [...this.fleet.usable(names)];
      const likely = known.filter((node) => need?.refused.has(node) !== true);
      usable = {
        names: new Set(likely.filter((node) => need?.unfit.has(node) !== true)),
        checking: new Set(likely.filter((node) => need?.unfit.has(node) === true)),
        // A node that has not said how many it has is taken for one like this host.
        slots: this.fleet.slotsAhead(likely, this.localSlots),
      };
      byNeed.set(need, usable);
    }
    return usable;
  }

  #nodesChanged(): void {
    this.#usableOf = new WeakMap();
    this.broker?.nodesChanged();
    const choices = new Map([...this.#waits.keys()].map((id) => [id, this.#choiceOf(id)]));
    this.#grantAll(this.#queue.nodesChanged(choices));
    for (const id of choices.keys()) this.#tellBroker(id);
  }
}

const NOWHERE: ReadonlySet<string> = new Set();

/** Nodes that the job may not have now. */
function withUnusable(failed: ReadonlySet<string>, { build: { leftOut }, need }: Entry): ReadonlySet<string> {
  return union(failed, leftOut, need?.unfit);
}

/** Nodes that the broker is not to give it. One that is checked is held already where it was given, and needs no word. */
function sparedFor(failed: ReadonlySet<string>, { build: { leftOut }, need }: Entry): ReadonlySet<string> {
  return union(failed, leftOut, need?.refused);
}

/** One set for all, made only where there is something to add. */
function union(one: ReadonlySet<string>, second: ReadonlySet<string>, third = NOWHERE): ReadonlySet<string> {
  return second.size + third.size > 0 ? new Set([...one, ...second, ...third]) : one;
}
