/**
 * Placement of jobs: ties the scheduler, its sources of slots, the checks of nodes and the nodes of builds together, and
 * lets each job wait for its slot. Unaware of what a job does.
 */
import type { Build } from '../builds/tally.ts';
import { LeaseSource, type LeaseSourceOptions } from '../leases/lease-source.ts';
import { Admission, type Need, type Ticket } from '../nodes/admission.ts';
import { Fleet, type FleetOptions } from '../nodes/fleet.ts';
import type { NodeLists } from '../nodes/node-lists.ts';
import type { LocalReason, Work } from '../nodes/wants.ts';
import type { NoSlotReason } from '../reasons.ts';
import type { JobNeeds, RemoteSlot, SlotSource } from '../slot-source.ts';
import { BuildNodes } from './build-nodes.ts';
import { SharedNeeds } from './job-needs.ts';
import { ListedSource } from './listed-source.ts';
import { NodeSpeeds, type JobKind } from './node-speeds.ts';
import { LOCAL_ONLY, Scheduler, type Grant, type Place } from './scheduler.ts';
import { NodeSlots } from './slot-pool.ts';

/** What placement is composed of. */
export interface PlacementOptions {
  readonly fleet: Pick<FleetOptions, 'connect' | 'findMismatch'>;
  readonly nodeLists: NodeLists;
  /** Compiles at once on this host where the configuration does not say. */
  readonly localSlots: number;
  /** Where the broker of this host may listen; without it no broker is looked for. */
  readonly broker?: Pick<LeaseSourceOptions, 'sockets'>;
  /** See AdmissionOptions. */
  readonly hashesPath?: string;
  /** The nodes of the builds that are open or may be followed by one like it. */
  readonly wantedNodes: () => readonly ReadonlySet<string>[];
}

/** A job as placement sees it. */
export interface PlacedJob {
  readonly id: number;
  /** Nodes that failed it. */
  readonly excluded: ReadonlySet<string>;
  readonly isRemotePossible: boolean;
  /** Its place in line, see QueuedJob. */
  readonly rankMs: number;
}

/** Why a job was given a local slot. */
export interface NoSlot {
  readonly reason: NoSlotReason;
  readonly detail?: string;
}

interface KnownJob {
  readonly build: Build;
  /** Its PMAKE_NODES. */
  readonly text: string | undefined;
  /** What it wants of a node; undefined for a job that stays here. */
  readonly need: Need | undefined;
  /** Nodes of lists that it may use. */
  names: ReadonlySet<string>;
}

/** A job that waits for its slot. */
interface WaitingJob {
  /** Called with undefined when the job's shim went away. */
  readonly resolve: (place: Place | undefined) => void;
  /** Nodes that failed the job. */
  readonly failed: ReadonlySet<string>;
  readonly isRemotePossible: boolean;
}

/** Gives slots to jobs. */
export class Placement {
  readonly fleet: Fleet;
  readonly admission: Admission;
  readonly broker: LeaseSource | undefined;
  readonly nodes: BuildNodes;
  readonly #options: PlacementOptions;
  readonly #slots: NodeSlots;
  readonly #listed: ListedSource;
  readonly #sources: readonly SlotSource[];
  readonly #scheduler: Scheduler;
  readonly #speeds = new NodeSpeeds();
  readonly #needs = new SharedNeeds();
  readonly #jobs = new Map<number, KnownJob>();
  readonly #waiting = new Map<number, WaitingJob>();

  constructor(options: PlacementOptions) {
    this.#options = options;
    const { nodeLists, hashesPath, broker: brokerOptions } = options;
    this.broker = brokerOptions && new LeaseSource(this.#leaseOptions(brokerOptions));
    this.#slots = new NodeSlots({
      random: Math.random,
      speedOf: (node) => this.#speeds.speedOf(node),
      leased: this.broker,
    });
    this.fleet = new Fleet({ ...options.fleet, pool: this.#slots, onChange: () => this.#nodesChanged() });
    this.admission = new Admission({
      link: (node) => this.fleet.link(node),
      hashesPath,
      onChange: () => this.#nodesChanged(),
    });
    this.#listed = new ListedSource({
      pool: this.#slots,
      fleet: this.fleet,
      statusOf: (names) => this.nodes.status(names),
      usualSlots: () => this.localSlots,
    });
    this.#sources = this.broker ? [this.broker, this.#listed] : [this.#listed];
    this.#scheduler = new Scheduler(this.#sources, this.#configuredLocalSlots);
    this.nodes = new BuildNodes({
      ...{ nodeLists, fleet: this.fleet, admission: this.admission, broker: this.broker, sources: this.#sources },
      brokerSockets: brokerOptions?.sockets ?? [],
      wantedNodes: () => [...[...this.#jobs.values()].map(({ names }) => names), ...options.wantedNodes()],
    });
  }

  get localSlots(): number {
    return this.#scheduler.localSlots;
  }

  /** Jobs on nodes now. */
  get remoteTaken(): number {
    return this.#scheduler.remoteTaken;
  }

  /** Jobs that wait for a slot. */
  get waiting(): number {
    return this.#scheduler.waiting;
  }

  /** Resolves when it is known whether there is a broker: a build should not begin without one that has just started. */
  async open(): Promise<void> {
    await this.broker?.open();
  }

  close(): void {
    this.broker?.close();
    this.fleet.close();
    this.admission.close();
  }

  /** At most `limit` jobs run on nodes at once; Infinity for as many as there are slots. */
  limitRemote(limit: number): void {
    this.#grant(this.#scheduler.setRemoteLimit(limit));
  }

  configChanged(): void {
    this.#grant(this.#scheduler.setLocalSlots(this.#configuredLocalSlots));
    this.#chooseAgain();
  }

  /**
   * A job of `build` arrived.
   * @param text its PMAKE_NODES
   * @param work what may go to a node
   * @returns why the job must stay on this host after all
   */
  add(id: number, build: Build, text: string | undefined, work: Work | undefined): LocalReason | undefined {
    const names = this.nodes.use(text, build, work?.cwd);
    const need = work && this.admission.needOf(work);
    this.#jobs.set(id, { build, text, names, need: need?.local ? undefined : need });
    return need?.local;
  }

  delete(id: number): void {
    this.#jobs.delete(id);
    this.#scheduler.remove(id);
  }

  /** Slots that jobs of `build` can have now, taken or not; a slow file server limits them too. */
  openSlots(build: Build): number {
    return Math.min(this.nodes.openSlots(build), this.#scheduler.remoteLimit);
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
      // A node that became excluded for the need is known as such; any other would be granted again and again.
      if (!need.exclusions.has(place.node)) excluded = new Set([...excluded, place.node]);
    }
  }

  /** A free slot of a node that was checked for such jobs; undefined when there is none now. The job is left as it was. */
  acquireNow({ id, excluded }: Pick<PlacedJob, 'id' | 'excluded'>): RemoteSlot | undefined {
    const job = this.#jobs.get(id);
    if (!job?.need) return undefined;
    const slot = this.#scheduler.takeFree(id, this.#needsFor(job, excluded));
    if (!slot || this.admission.admit(slot.node, job.need) === true) return slot;
    this.release(slot);
    return undefined;
  }

  /** What a job takes along to a node that it was admitted to. */
  ticket(id: number, node: string): Ticket {
    return this.admission.ticket(node, this.#jobs.get(id)?.need);
  }

  release(place: Place): void {
    this.#grant(this.#scheduler.release(place));
  }

  /** Why a job that has just been given a local slot has none of a node. */
  whyNoNode(id: number): NoSlot {
    const job = this.#jobs.get(id);
    if (!job) return { reason: 'no-nodes' };
    const needs = this.#needsFor(job, NO_NODES);
    const kinds = this.#sources.map((source) => source.outlook(id, needs).kind);
    if (kinds.includes('ready')) return { reason: 'nodes-busy' };
    if (kinds.includes('pending')) return { reason: 'nodes-not-ready' };
    const detail = job.need && this.admission.refusalFor(job.need);
    return detail === undefined ? { reason: 'no-nodes' } : { reason: 'nodes-unfit', detail };
  }

  /** Speed of a node, as a multiple of the usual speed 1. */
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

  get #configuredLocalSlots(): number {
    return this.#options.nodeLists.localSlots ?? this.#options.localSlots;
  }

  #leaseOptions(options: Pick<LeaseSourceOptions, 'sockets'>): LeaseSourceOptions {
    return {
      ...options,
      fleet: {
        useLeased: (spec) => this.fleet.useLeased(spec),
        stateOf: (name) => this.fleet.stateOf(name),
        isAwaited: (name) => this.fleet.isAwaited(name) || this.admission.isSlow(name),
        tryAgain: (names) => this.fleet.tryAgain(names),
      },
      configured: (node) => this.#options.nodeLists.get(undefined).specs.find(({ name }) => name === node),
      onSlots: () => this.#grant(this.#scheduler.slotsChanged()),
      onBroker: () => this.#chooseAgain(),
      onHeld: (node) => this.#slots.refresh(node),
    };
  }

  #waitForSlot(job: PlacedJob, failed: ReadonlySet<string>, cancelled: Promise<void>): Promise<Place | undefined> {
    return new Promise((resolve) => {
      const { id, rankMs, isRemotePossible } = job;
      this.#waiting.set(id, { resolve, failed, isRemotePossible });
      void cancelled.then(() => this.#giveUp(id));
      this.#grant(this.#scheduler.add({ id, rankMs, needs: this.#needsOf(id) }));
    });
  }

  #giveUp(id: number): void {
    const job = this.#waiting.get(id);
    // Granted already: the job finds out itself and gives the slot back.
    if (!job) return;
    this.#waiting.delete(id);
    this.#scheduler.remove(id);
    job.resolve(undefined);
  }

  #grant(grants: readonly Grant[]): void {
    for (const { id, place } of grants) {
      const job = this.#waiting.get(id);
      this.#waiting.delete(id);
      job?.resolve(place);
    }
  }

  /** Jobs without a list of their own may have other nodes than before. */
  #chooseAgain(): void {
    for (const job of this.#jobs.values()) {
      if (job.text === undefined) job.names = this.nodes.use(undefined, job.build);
    }
    this.#nodesChanged();
  }

  /** Needs of a job that waits, as nodes are now. */
  #needsOf(id: number): JobNeeds {
    const job = this.#jobs.get(id);
    const waiting = this.#waiting.get(id);
    return job && waiting?.isRemotePossible ? this.#needsFor(job, waiting.failed) : LOCAL_ONLY;
  }

  #needsFor({ build, text, names, need }: KnownJob, failed: ReadonlySet<string>): JobNeeds {
    return this.#needs.of({ scope: build.scope, names, mayLease: text === undefined, need }, failed);
  }

  #nodesChanged(): void {
    this.#needs.nodesChanged();
    this.#listed.nodesChanged();
    this.broker?.nodesChanged();
    this.#grant(this.#scheduler.nodesChanged((id) => this.#needsOf(id)));
  }
}

const NO_NODES: ReadonlySet<string> = new Set();
