/**
 * Placement of jobs: connects the scheduler, its sources of slots, the checks of nodes and the nodes of builds, and
 * lets each job wait for its slot. Unaware of what a job does.
 */
import type { Build } from '../builds/build-book.ts';
import { LeasedCluster, type LeasedClusterOptions } from '../leases/leased-cluster.ts';
import { Admission, type NodeRequirements } from '../nodes/admission.ts';
import { Fleet, type FleetOptions } from '../nodes/fleet.ts';
import { ticketFor } from '../nodes/ticket.ts';
import type { NodeLists } from '../nodes/node-lists.ts';
import type { RemoteWork } from '../nodes/remote-work.ts';
import type { JobNeeds, RemoteSlot, SlotSource } from '../slot-source.ts';
import { BuildNodes } from './build-nodes.ts';
import type { JobSlots, NoSlot, JobSlotRequest } from './job-slots.ts';
import { SharedNeeds } from './job-needs.ts';
import { ListedSource } from './listed-source.ts';
import { NodeSpeeds, type JobKind } from './node-speeds.ts';
import { LOCAL_ONLY, Scheduler, type Grant, type GrantedSlot } from './scheduler.ts';
import { NodeSlots } from './slot-pool.ts';

/** Parts and settings of placement. */
export interface PlacementOptions {
  readonly fleet: Pick<FleetOptions, 'connect' | 'findMismatch'>;
  readonly nodeLists: NodeLists;
  /** Compiles at once on this host, unless the configuration says otherwise. */
  readonly localSlots: number;
  /** Where this host's broker may listen; if absent, no broker is looked for. */
  readonly broker?: Pick<LeasedClusterOptions, 'sockets'>;
  /** See AdmissionOptions. */
  readonly hashesPath?: string;
  /** Nodes of the builds that are open, or may be followed by a similar build. */
  readonly wantedNodes: () => readonly ReadonlySet<string>[];
  /** A job released its slot. */
  readonly onRelease: () => void;
}

interface KnownJob {
  readonly id: number;
  readonly build: Build;
  /** The job's PMAKE_NODES. */
  readonly text: string | undefined;
  /** Requirements of a node; undefined for a job that stays on this host. */
  readonly need: NodeRequirements | undefined;
  /** Listed nodes that the job may use. */
  names: ReadonlySet<string>;
}

/** A job that waits for its slot. */
interface PlacedJob {
  readonly job: KnownJob;
  readonly request: JobSlotRequest;
  /** Called with undefined if the job's shim went away. */
  readonly resolve: (place: GrantedSlot | undefined) => void;
}

/** Gives slots to jobs. */
export class Placement {
  readonly fleet: Fleet;
  readonly admission: Admission;
  readonly broker: LeasedCluster | undefined;
  readonly nodes: BuildNodes;
  readonly #options: PlacementOptions;
  readonly #slots: NodeSlots;
  readonly #listed: ListedSource;
  readonly #sources: readonly SlotSource[];
  readonly #scheduler: Scheduler;
  readonly #speeds = new NodeSpeeds();
  readonly #needs = new SharedNeeds();
  readonly #jobs = new Map<number, KnownJob>();
  readonly #waiting = new Map<number, PlacedJob>();

  constructor(options: PlacementOptions) {
    this.#options = options;
    const { nodeLists, hashesPath, broker: brokerOptions } = options;
    this.broker = brokerOptions && new LeasedCluster(this.#leaseOptions(brokerOptions));
    this.#slots = new NodeSlots({
      random: Math.random,
      speedOf: (node) => this.#speeds.speedOf(node),
      leased: this.broker?.leases,
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
    this.#sources = this.broker ? [this.broker.source, this.#listed] : [this.#listed];
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

  /**
   * Resolves when it is known whether there is a broker: a build should not start without one that is just starting.
   */
  async open(): Promise<void> {
    await this.broker?.open();
  }

  close(): void {
    this.broker?.close();
    this.fleet.close();
    this.admission.close();
  }

  /** At most `limit` jobs run on nodes at once; Infinity for no limit. */
  limitRemote(limit: number): void {
    this.#grant(this.#scheduler.setRemoteLimit(limit));
  }

  configChanged(): void {
    this.#grant(this.#scheduler.setLocalSlots(this.#configuredLocalSlots));
    this.#chooseAgain();
  }

  /**
   * A job of `build` arrived. Returns its slots, which the job must close.
   * @param text the job's PMAKE_NODES
   * @param work what may go to a node
   */
  add(id: number, build: Build, text: string | undefined, work: RemoteWork | undefined): JobSlots {
    const names = this.nodes.use(text, build, work?.cwd);
    const need = work && this.admission.needOf(work);
    const job: KnownJob = { id, build, text, names, need: need?.local ? undefined : need };
    this.#jobs.set(id, job);
    return {
      local: need?.local,
      acquire: (request, cancelled) => this.#acquire(job, request, cancelled),
      acquireNow: (failed) => this.#acquireNow(job, failed),
      release: (place) => this.#release(place),
      ticket: (node) => ticketFor(this.admission.nodes, node, job.need?.requirements),
      whyNoNode: () => this.#whyNoNode(job),
      close: () => {
        this.#jobs.delete(id);
        this.#scheduler.remove(id);
      },
    };
  }

  /** Slots that jobs of `build` can use now, in use or not; a slow file server limits them too. */
  openSlots(build: Build): number {
    return Math.min(this.nodes.openSlots(build), this.#scheduler.remoteLimit);
  }

  /**
   * A job of this kind was compiled on the node.
   * @returns the speed of the node, relative to the usual speed 1
   */
  noteFinished(node: string, kind: JobKind, cpuMs: number): number {
    this.fleet.countFinished(node);
    const known = this.broker?.speedOf(node);
    if (known !== 'asked') {
      if (known !== undefined) this.#speeds.begin(node, known);
      const speed = this.#speeds.observe(node, kind, cpuMs, performance.now());
      this.#slots.refresh(node);
      if (speed !== undefined) this.broker?.tellSpeed(node, speed);
    }
    return this.#speeds.speedOf(node);
  }

  get #configuredLocalSlots(): number {
    return this.#options.nodeLists.localSlots ?? this.#options.localSlots;
  }

  #leaseOptions(options: Pick<LeasedClusterOptions, 'sockets'>): LeasedClusterOptions {
    return {
      ...options,
      fleet: {
        useLeased: (spec) => this.fleet.useLeased(spec),
        stateOf: (name) => this.fleet.stateOf(name),
        isAwaited: (name) => this.fleet.isAwaited(name) || this.admission.nodes.isSlow(name),
        tryAgain: (names) => this.fleet.tryAgain(names),
      },
      configured: (node) => this.#options.nodeLists.get(undefined).specs.find(({ name }) => name === node),
      onSlots: () => this.#grant(this.#scheduler.slotsChanged()),
      onBroker: () => this.#chooseAgain(),
      onHeld: (node) => this.#slots.refresh(node),
    };
  }

  async #acquire(job: KnownJob, request: JobSlotRequest, cancelled: Promise<void>): Promise<GrantedSlot | undefined> {
    let { failed } = request;
    for (;;) {
      const place = await this.#waitForSlot(job, { ...request, failed }, cancelled);
      if (place?.kind !== 'node') return place;
      let isAdmitted = false;
      try {
        isAdmitted = !job.need || (await this.admission.admit(place.node, job.need));
      } finally {
        // A bug in a check may cost this job, but must not leak the node's slot.
        if (!isAdmitted) this.#release(place);
      }
      if (isAdmitted) return place;
      // Once a node is excluded for this need, the scheduler knows; any other node would be granted again and again.
      if (!job.need?.exclusions.has(place.node)) failed = new Set([...failed, place.node]);
    }
  }

  #acquireNow(job: KnownJob, failed: ReadonlySet<string>): RemoteSlot | undefined {
    if (!job.need) return undefined;
    const slot = this.#scheduler.takeFree(job.id, this.#needsFor(job, failed));
    if (!slot || this.admission.admit(slot.node, job.need) === true) return slot;
    this.#release(slot);
    return undefined;
  }

  #waitForSlot(job: KnownJob, request: JobSlotRequest, cancelled: Promise<void>): Promise<GrantedSlot | undefined> {
    return new Promise((resolve) => {
      const { id } = job;
      const waiting = { job, request, resolve };
      this.#waiting.set(id, waiting);
      void cancelled.then(() => this.#giveUp(id));
      this.#grant(this.#scheduler.add({ id, rankMs: request.rankMs, needs: this.#needsOf(waiting) }));
    });
  }

  #giveUp(id: number): void {
    const waiting = this.#waiting.get(id);
    // Already granted: the job notices the cancellation itself and releases the slot.
    if (!waiting) return;
    this.#waiting.delete(id);
    this.#scheduler.remove(id);
    waiting.resolve(undefined);
  }

  #release(place: GrantedSlot): void {
    this.#grant(this.#scheduler.release(place));
    this.#options.onRelease();
  }

  #grant(grants: readonly Grant[]): void {
    for (const { id, place } of grants) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      waiting?.resolve(place);
    }
  }

  #whyNoNode(job: KnownJob): NoSlot {
    const needs = this.#needsFor(job, NO_NODES);
    const kinds = this.#sources.map((source) => source.outlook(job.id, needs).kind);
    if (kinds.includes('ready')) return { reason: 'nodes-busy' };
    if (kinds.includes('pending')) return { reason: 'nodes-not-ready' };
    const detail = job.need && this.admission.nodes.refusalFor(job.need.requirements);
    return detail === undefined ? { reason: 'no-nodes' } : { reason: 'nodes-unfit', detail };
  }

  /** Jobs without a list of their own may now use other nodes. */
  #chooseAgain(): void {
    for (const job of this.#jobs.values()) {
      if (job.text === undefined) job.names = this.nodes.use(undefined, job.build);
    }
    this.#nodesChanged();
  }

  /** Needs of a waiting job, with nodes as they are now. */
  #needsOf({ job, request }: PlacedJob): JobNeeds {
    return request.isRemotePossible ? this.#needsFor(job, request.failed) : LOCAL_ONLY;
  }

  #needsFor({ build, text, names, need }: KnownJob, failed: ReadonlySet<string>): JobNeeds {
    return this.#needs.of({ scope: build.scope, names, mayLease: text === undefined, need }, failed);
  }

  #nodesChanged(): void {
    this.#needs.nodesChanged();
    this.#listed.nodesChanged();
    this.broker?.nodesChanged();
    const needsOf = (id: number): JobNeeds => {
      const waiting = this.#waiting.get(id);
      return waiting ? this.#needsOf(waiting) : LOCAL_ONLY;
    };
    this.#grant(this.#scheduler.nodesChanged(needsOf));
  }
}

const NO_NODES: ReadonlySet<string> = new Set();
