/**
 * The dispatcher, one per user, which connects its parts: sessions come in, jobs are planned and placed, builds are
 * counted. Unaware of how it was started and of where its socket is.
 */
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ShimRequest } from '../protocol/shim.ts';
import { workOf } from './nodes/remote-work.ts';
import { BuildBook, UNNAMED_BUILD, type Build } from './builds/build-book.ts';
import { SharedTree } from './delivery/shared-tree.ts';
import { EnvironmentCache } from './environment-cache.ts';
import type { Fleet } from './nodes/fleet.ts';
import { WritesInFlight } from './job/pending-outputs.ts';
import { JobCosts } from './scheduling/job-costs.ts';
import { Job, type JobContext } from './job/job.ts';
import { holdLimitMs, planLocally, planJob } from './job/plan-job.ts';
import type { JobSlots } from './scheduling/job-slots.ts';
import { Placement, type PlacementOptions } from './scheduling/placement.ts';
import { ServerWatch } from './scheduling/file-server-watch.ts';
import type { ShimPort } from './job/shim-port.ts';
import { UnfitNodes } from './job/unfit-nodes.ts';
import { ShimSession, type ShimSessionHandlers } from './shim-session.ts';
import { TailWatch } from './scheduling/straggler-watch.ts';
import { ProbePlacement } from './probes/probe-placement.ts';
import { ProbeMemory } from './probes/probe-memory.ts';

/** What the dispatcher needs. */
export interface DispatcherOptions extends Omit<PlacementOptions, 'wantedNodes' | 'onRelease'> {
  /** Control requests are answered elsewhere (control-requests.ts). */
  readonly onControl: ShimSessionHandlers['onControl'];
  /** Receives the environment of the newest job: the user's ssh agent may have changed since the dispatcher started. */
  readonly noteEnvironment: (entries: ReadonlyMap<string, string>) => void;
  /** The last session closed: a build without pmake went quiet, or a build finished. Its report may be saved. */
  readonly onIdle: () => void;
}

/**
 * Limit on waiting for the last jobs of a build: sockets of processes that have ended close at once, but a compile in
 * the background may outlive its make.
 */
const LAST_JOBS_MS = 250;

/** Builds, jobs and nodes of one user. */
export class Dispatcher {
  readonly builds = new BuildBook();
  readonly jobs = new Map<number, Job>();
  readonly placement: Placement;
  readonly costs = new JobCosts();
  readonly probeMemory = new ProbeMemory();
  readonly startedMs = performance.now();
  finished = 0;
  readonly #options: DispatcherOptions;
  readonly #writes = new WritesInFlight();
  readonly #unfit = new UnfitNodes();
  readonly #tree: SharedTree;
  /** By job; resolves when nothing of the job is left to be done. */
  readonly #ends = new Map<number, Promise<void>>();
  readonly #probePlacement = new ProbePlacement();
  readonly #environments: EnvironmentCache;
  readonly #server: ServerWatch;
  readonly #tail: TailWatch;
  readonly #sessions = new Set<Socket>();
  #nextJobId = 1;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#environments = new EnvironmentCache();
    this.placement = new Placement({
      ...options,
      wantedNodes: () => this.builds.newestNodes(performance.now()),
      onRelease: () => this.#tail.note(),
    });
    this.#tree = new SharedTree(this.placement.admission);
    this.#server = new ServerWatch({
      inFlight: () => this.placement.remoteTaken,
      onLimit: (limit, intervalMs) => this.#limitJobs(limit, intervalMs),
    });
    this.#tail = new TailWatch({
      waiting: () => this.placement.waiting,
      running: () => [...this.jobs.values()].map((job) => job.remoteRun).filter((one) => one !== undefined),
      free: () => this.#freeSlots(),
      startSecond: (id) => this.jobs.get(id)?.startSecond(),
    });
  }

  get fleet(): Fleet {
    return this.placement.fleet;
  }

  get localSlots(): number {
    return this.placement.localSlots;
  }

  /** Open connections; the dispatcher exits after a while without any. */
  get sessions(): number {
    return this.#sessions.size;
  }

  accept(socket: Socket): void {
    this.#sessions.add(socket);
    const session = new ShimSession(socket, {
      onJob: (request, shim) => this.#startJob(request, shim),
      onControl: this.#options.onControl,
    });
    void session.closed.then(() => {
      this.#sessions.delete(socket);
      if (this.#sessions.size === 0) this.#options.onIdle();
    });
  }

  /**
   * Begins or finds a build in `directory`, and starts connecting its nodes. `nodes` is the value of PMAKE_NODES, if
   * set.
   */
  beginBuild(id: string, nodes: string | undefined, directory?: string): { build: Build; names: ReadonlySet<string> } {
    const build = this.builds.begin(id, Date.now(), performance.now());
    this.#tree.beginBuild();
    return { build, names: this.placement.nodes.use(nodes, build, directory) };
  }

  /**
   * A build has ended: removes its files from the tree unless other builds use them. Make sees its last compile end a
   * moment before this process sees that shim's socket close, so this waits for the build's jobs.
   */
  async endBuild(id: string): Promise<void> {
    const ends = [...this.#ends].filter(([job]) => this.jobs.get(job)?.buildId === id).map(([, end]) => end);
    if (ends.length > 0) await Promise.race([Promise.all(ends), delay(LAST_JOBS_MS, undefined, { ref: false })]);
    this.#tree.endBuild();
    if (this.jobs.size === 0 && !this.builds.isAnotherOpen(id)) await this.placement.admission.rest();
  }

  /** Hangs up on every shim: each then runs its compiler itself. */
  endSessions(): void {
    for (const socket of this.#sessions) socket.destroy();
    this.#tree.close();
    this.#server.close();
    this.#tail.close();
  }

  #startJob(request: ShimRequest, shim: ShimPort): void {
    const id = this.#nextJobId;
    this.#nextJobId += 1;
    const environment = this.#environments.get(request);
    const { entries } = environment;
    this.#options.noteEnvironment(entries);
    const buildId = entries.get('PMAKE_BUILD') ?? `${UNNAMED_BUILD}${request.sessionId}`;
    const build = this.builds.begin(buildId, Date.now(), performance.now());
    const planned = planJob(request, environment);
    const compile = typeof planned !== 'string' && planned.kind === 'compile' ? planned : undefined;
    const work = compile && workOf(compile, request.program, entries.get('PATH') ?? '');
    if (work) this.#server.noteJob(work.cwd);
    const slots = this.placement.add(id, build, entries.get('PMAKE_NODES'), work);
    try {
      const plan = compile && slots.local ? planLocally(compile, slots.local) : planned;
      const context = this.#contextFor(build, slots, holdLimitMs(entries));
      this.#run(new Job({ id, request, environment, shim, plan }, context), slots, shim);
    } catch (cause) {
      // The session hangs up on the shim.
      slots.close();
      throw cause;
    }
  }

  #run(job: Job, slots: JobSlots, shim: ShimPort): void {
    const { id } = job;
    this.jobs.set(id, job);
    const end = job
      .run()
      .catch((cause: unknown) => {
        // A bug in one job costs that job only: its shim is disconnected and runs the compiler itself.
        console.error(`job ${id} (${job.file}):`, cause);
        shim.hangUp();
      })
      .finally(() => {
        this.jobs.delete(id);
        slots.close();
        this.#tree.endJob(id);
        this.#ends.delete(id);
        this.finished += 1;
      });
    this.#ends.set(id, end);
  }

  #contextFor(build: Build, slots: JobSlots, limitMs: number): JobContext {
    return {
      build,
      writes: this.#writes,
      delivery: this.#tree,
      probePlacement: this.#probePlacement,
      probeMemory: this.probeMemory,
      costs: this.costs,
      unfit: this.#unfit,
      holdLimitMs: limitMs,
      whereIs: (job) => {
        const state = this.jobs.get(job)?.state;
        return state && 'node' in state ? state.node : 'here';
      },
      slots,
      link: (node) => this.fleet.link(node),
      noteFinished: (node, { kind, object, cpuMs, wallMs, visibleWaitMs }) => {
        const speed = this.placement.noteFinished(node, kind, cpuMs);
        if (object !== undefined) this.costs.note(object, cpuMs * speed, wallMs);
        this.#server.noteSettled(visibleWaitMs);
      },
    };
  }

  /** Free slots for the builds that have jobs; a slot that one of these builds may not use is not free. */
  #freeSlots(): number {
    const builds = [...new Set([...this.jobs.values()].map(({ buildId }) => buildId))];
    const open = builds.map((id) => this.builds.find(id)).map((build) => (build ? this.placement.openSlots(build) : 0));
    return Math.min(...open) - this.placement.remoteTaken;
  }

  /** The file server became slow, is still slow, or has recovered. */
  #limitJobs(limit: number, intervalMs: number): void {
    this.placement.limitRemote(limit);
    for (const id of new Set([...this.jobs.values()].map(({ buildId }) => buildId))) {
      this.builds.find(id)?.tally.noteSlowServer(intervalMs);
    }
  }
}
