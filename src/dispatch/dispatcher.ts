/**
 * Ties the parts together: sessions in, jobs planned and queued, nodes used, builds counted, control requests
 * answered. One per user. Unaware of how it was started and of where its socket lies.
 */
import { resolve as resolvePath } from 'node:path';
import type { Socket } from 'node:net';
import { planCommand } from '../command/plan-command.ts';
import { StaticPool } from '../broker/static-pool.ts';
import { fileLook, realProgram } from '../tree/look.ts';
import { ShimFlag, type ShimRequest } from '../protocol/shim.ts';
import { BuildBook, UNNAMED_BUILD, type Build } from './builds.ts';
import { EnvironmentCache, type KnownEnvironment } from './environments.ts';
import { Fleet, type FleetOptions } from './fleet.ts';
import { WritesInFlight } from './hold.ts';
import { JobLife, type JobContext } from './job-life.ts';
import type { PlacementReason } from './job.ts';
import type { NodeLists } from './node-lists.ts';
import { SlotQueue, type Grant, type Place } from './queue.ts';
import { Session, type SessionHandlers, type ShimPort } from './shim-session.ts';

const DEFAULT_HOLD_LIMIT_MS = 60_000;
/** From so many slots on nodes for each one here, compiles wait for a node rather than run here. */
const WAIT_FOR_NODE_FACTOR = 2;

interface UsableNodes {
  readonly names: ReadonlySet<string>;
  /** Of the nodes that are up. */
  readonly slots: number;
}

export interface DispatcherOptions {
  readonly fleet: Pick<FleetOptions, 'connect' | 'findMismatch'>;
  readonly nodeLists: NodeLists;
  /** Compiles at once on this host where the configuration does not say. */
  readonly localSlots: number;
  readonly masqueradeRoot: string;
  /** Control requests are answered elsewhere (control.ts). */
  readonly onControl: SessionHandlers['onControl'];
  /** The environment of the newest job: the user's ssh agent may have changed since the dispatcher began. */
  readonly noteEnvironment: (entries: ReadonlyMap<string, string>) => void;
  /** A build without a pmake around it went quiet, or one was finished: its report may be saved. */
  readonly onIdle: () => void;
}

export class Dispatcher {
  readonly builds = new BuildBook();
  readonly fleet: Fleet;
  readonly jobs = new Map<number, JobLife>();
  readonly startedMs = performance.now();
  finished = 0;
  readonly #options: DispatcherOptions;
  readonly #pool = new StaticPool(Math.random);
  readonly #queue: SlotQueue;
  readonly #writes = new WritesInFlight();
  readonly #environments: EnvironmentCache;
  readonly #grants = new Map<number, (place: Place) => void>();
  /** Usable nodes by node list; kept until nodes change, so that the queue can tell sets apart by identity. */
  readonly #eligible = new Map<ReadonlySet<string>, UsableNodes>();
  readonly #listOf = new Map<number, ReadonlySet<string>>();
  readonly #sessions = new Set<Socket>();
  #nextJobId = 1;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#environments = new EnvironmentCache(options.masqueradeRoot);
    this.#queue = new SlotQueue(this.#pool, options.nodeLists.localSlots ?? options.localSlots);
    this.fleet = new Fleet({ ...options.fleet, pool: this.#pool, onChange: () => this.#nodesChanged() });
  }

  get localSlots(): number {
    return this.#queue.localSlots;
  }

  /** Open connections; the dispatcher ends itself when there have been none for a while. */
  get sessions(): number {
    return this.#sessions.size;
  }

  accept(socket: Socket): void {
    this.#sessions.add(socket);
    const session = new Session(socket, {
      onJob: (request, shim) => this.#startJob(request, shim),
      onControl: this.#options.onControl,
    });
    void session.closed.then(() => {
      this.#sessions.delete(socket);
      if (this.#sessions.size === 0) this.#options.onIdle();
    });
  }

  /** The config file changed. */
  configChanged(): void {
    this.#grantAll(this.#queue.setLocalSlots(this.#options.nodeLists.localSlots ?? this.#options.localSlots));
    this.#nodesChanged();
  }

  /** Begins or finds a build and starts connecting its nodes. `nodes`: the value of PMAKE_NODES, if set. */
  beginBuild(id: string, nodes: string | undefined): { build: Build; names: ReadonlySet<string> } {
    const build = this.builds.begin(id, Date.now(), performance.now());
    return { build, names: this.#useNodes(nodes, build) };
  }

  close(): void {
    this.fleet.close();
  }

  /** Hangs up on every shim: each then runs its compiler itself. */
  endSessions(): void {
    for (const socket of this.#sessions) socket.destroy();
  }

  #startJob(request: ShimRequest, shim: ShimPort): void {
    const id = this.#nextJobId;
    this.#nextJobId += 1;
    const environment = this.#environments.get(request.environment);
    const { entries } = environment;
    this.#options.noteEnvironment(entries);
    const { build, names } = this.beginBuild(
      entries.get('PMAKE_BUILD') ?? `${UNNAMED_BUILD}${request.sessionId}`,
      entries.get('PMAKE_NODES'),
    );
    this.#listOf.set(id, names);
    const job = new JobLife(
      { id, request, environment, shim, plan: planJob(request, environment) },
      this.#contextFor(id, build, holdLimitMs(entries)),
    );
    this.jobs.set(id, job);
    void job
      .run()
      .catch((cause: unknown) => {
        // A defect in one job costs that job only: its shim, hung up on, runs the compiler itself.
        console.error(`job ${id} (${job.file}):`, cause);
        shim.hangUp();
      })
      .finally(() => {
        this.jobs.delete(id);
        this.#listOf.delete(id);
        this.finished += 1;
      });
  }

  #contextFor(id: number, build: Build, limitMs: number): JobContext {
    return {
      build,
      writes: this.#writes,
      holdLimitMs: limitMs,
      acquire: (job, cancelled) => this.#acquire(job, cancelled),
      release: (place) => this.#grantAll(this.#queue.release(place)),
      link: (node) => this.fleet.link(node),
      eligible: () => this.#eligibleFor(id),
      countFinished: (node) => this.fleet.countFinished(node),
    };
  }

  #acquire(job: JobLife, cancelled: Promise<void>): Promise<Place | undefined> {
    return new Promise((resolve) => {
      this.#grants.set(job.id, resolve);
      void cancelled.then(() => {
        // Granted already: the job finds out itself and gives the slot back.
        if (!this.#grants.delete(job.id)) return;
        this.#queue.remove(job.id);
        resolve(undefined);
      });
      const eligible = this.#eligibleFor(job.id);
      const mayRunHere = this.#mayRunHere(job.id);
      this.#grantAll(this.#queue.add({ id: job.id, eligible, excluded: job.excluded, mayRunHere }));
    });
  }

  #grantAll(grants: readonly Grant[]): void {
    for (const { id, place } of grants) {
      const resolve = this.#grants.get(id);
      this.#grants.delete(id);
      resolve?.(place);
    }
  }

  #useNodes(nodes: string | undefined, build: Build): ReadonlySet<string> {
    const list = this.#options.nodeLists.get(nodes);
    // Once per build and list, not once per job: two builds may describe one node differently.
    if (build.nodeList === list) return build.nodes;
    build.nodeList = list;
    for (const problem of list.problems) build.problems.add(problem);
    build.nodesConfigured = list.specs.length;
    build.nodes = this.fleet.use(list.specs);
    this.#retainNodes();
    return build.nodes;
  }

  /** Nodes that neither the newest builds nor running jobs may use are let go. */
  #retainNodes(): void {
    const wanted = new Set<string>();
    for (const names of [...this.#listOf.values(), ...this.builds.newestNodes()]) {
      for (const name of names) wanted.add(name);
    }
    this.fleet.retain(wanted);
  }

  #eligibleFor(id: number): ReadonlySet<string> {
    const names = this.#listOf.get(id);
    if (!names || this.jobs.get(id)?.isRemotePossible === false) return NOWHERE;
    return this.#usable(names).names;
  }

  /** With nodes that have many more slots than this host, a compile waits for one: make and ld need this host. */
  #mayRunHere(id: number): boolean {
    const names = this.#listOf.get(id);
    return !names || this.#usable(names).slots < WAIT_FOR_NODE_FACTOR * this.localSlots;
  }

  #usable(names: ReadonlySet<string>): UsableNodes {
    let usable = this.#eligible.get(names);
    if (!usable) {
      const up = this.fleet.status(names).filter((node) => node.state === 'up');
      usable = { names: this.fleet.usable(names), slots: up.reduce((total, node) => total + node.slots, 0) };
      this.#eligible.set(names, usable);
    }
    return usable;
  }

  #nodesChanged(): void {
    this.#eligible.clear();
    this.#grantAll(this.#queue.nodesChanged((id) => this.#eligibleFor(id)));
  }
}

const NOWHERE: ReadonlySet<string> = new Set();

function planJob(request: ShimRequest, environment: KnownEnvironment) {
  const { entries } = environment;
  if (entries.get('PMAKE_LOCAL') === '1') return 'switched-off' satisfies PlacementReason;
  if (!request.isText || !environment.isText) return 'not-text' satisfies PlacementReason;
  try {
    return planCommand(
      {
        name: request.name,
        program: realProgram(request.program),
        argv: request.argv,
        cwd: resolvePath(request.cwd),
        env: entries,
        rewrite: entries.get('PMAKE_PATHS') !== 'keep',
        stderrIsTty: (request.flags & ShimFlag.stderrIsTty) !== 0,
      },
      fileLook,
    );
  } catch (cause) {
    console.error(`planning ${request.name} ${request.argv.join(' ')}:`, cause);
    return 'internal-error' satisfies PlacementReason;
  }
}

/** PMAKE_HOLD_TIMEOUT, in seconds. */
function holdLimitMs(entries: ReadonlyMap<string, string>): number {
  const seconds = Number(entries.get('PMAKE_HOLD_TIMEOUT'));
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : DEFAULT_HOLD_LIMIT_MS;
}
