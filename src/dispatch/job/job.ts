/**
 * One job from the shim's request to its end: dispatches on the kind of job, and answers the dispatcher's queries.
 * Unaware of sockets and of how nodes are reached.
 */
import type { Plan } from '../../command/plan.ts';
import type { IdleOn } from '../../protocol/control.ts';
import type { ShimRequest } from '../../protocol/shim.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import type { ProbeMemory } from '../probes/probe-memory.ts';
import type { ProbePlacement } from '../probes/probe-placement.ts';
import type { PlacementReason } from '../reasons.ts';
import type { JobCosts } from '../scheduling/job-costs.ts';
import type { JobSlots } from '../scheduling/job-slots.ts';
import type { RunningRemotely } from '../scheduling/stragglers.ts';
import { runCompile } from './compile-job.ts';
import { runHeld } from './held-job.ts';
import { JobLife } from './life.ts';
import { runLocal } from './local-job.ts';
import type { WritesInFlight } from './pending-outputs.ts';
import { runProbe } from './probe-job.ts';
import { RemoteRuns, type RemoteContext } from './remote-runs.ts';
import type { ShimPort } from './shim-port.ts';
import type { JobState } from './state.ts';

/** Limit on how far a long job may move ahead of jobs that arrived before it. */
const MAX_HEAD_START_MS = 60_000;

/** What jobs share; the dispatcher provides it. `holdLimitMs` also limits how long a link is held. */
export interface JobContext extends RemoteContext {
  readonly slots: JobSlots;
  readonly writes: WritesInFlight;
  readonly probePlacement: ProbePlacement;
  readonly probeMemory: ProbeMemory;
  readonly costs: JobCosts;
  /** Where a job runs now: a node's name or `here`. */
  whereIs(job: number): string;
}

/** What a job is created from. */
export interface JobInput {
  readonly id: number;
  readonly request: ShimRequest;
  readonly environment: KnownEnvironment;
  readonly shim: ShimPort;
  /** A plan, or the reason why the job stays on this host whatever its command means. */
  readonly plan: Plan | PlacementReason;
}

/** One call of a shim under dispatch. */
export class Job {
  readonly id: number;
  readonly request: ShimRequest;
  /** The job's name in reports. */
  readonly file: string;
  readonly #input: JobInput;
  readonly #context: JobContext;
  readonly #life: JobLife;
  readonly #runs: RemoteRuns;
  /** The object of a compile. */
  readonly #object: string | undefined;

  constructor(input: JobInput, context: JobContext) {
    const { id, request, shim, plan } = input;
    this.id = id;
    this.request = request;
    this.file = nameOf(plan, request);
    this.#input = input;
    this.#context = context;
    this.#life = new JobLife({ request, shim, build: context.build, file: this.file });
    this.#runs = new RemoteRuns({ ...input, life: this.#life }, context);
    this.#object = typeof plan !== 'string' && plan.kind === 'compile' ? plan.outputs[0]?.path : undefined;
  }

  get state(): JobState {
    return this.#life.state;
  }

  get buildId(): string {
    return this.#context.build.id;
  }

  /** In the time of performance.now(). */
  get arrivedMs(): number {
    return this.#life.arrivedMs;
  }

  /** Nodes on which the job has used no CPU for a while. */
  get idle(): readonly IdleOn[] {
    return this.#runs.tries.idle;
  }

  /** Defined while the job runs on one node only, and may still be started on a second. */
  get remoteRun(): RunningRemotely | undefined {
    if (this.state.kind !== 'running-there' || !this.#runs.tries.isAlone) return undefined;
    const expectedMs = this.#object === undefined ? undefined : this.#context.costs.expectedWallMs(this.#object);
    return { id: this.id, forMs: performance.now() - this.#life.startedMs, expectedMs };
  }

  /** Starts the job on a second node as well, if a slot is free. */
  startSecond(): void {
    this.#runs.tries.startSecond();
  }

  /** Resolves when the job is over, however it ends; a node or a compiler never causes a rejection. */
  async run(): Promise<void> {
    const outputs = writtenBy(this.#input.plan);
    this.#context.writes.begin(this.id, outputs);
    try {
      await this.#runKind();
    } finally {
      this.#context.writes.end(this.id, outputs);
    }
  }

  async #runKind(): Promise<void> {
    const { plan, request } = this.#input;
    const common = { ...this.#context, ...this.#input, life: this.#life, runs: this.#runs, rankMs: this.#rankMs };
    if (typeof plan === 'string') await runLocal(common, { reason: plan, slot: 'counted' });
    else if (plan.kind === 'local') await runHeld({ ...common, name: request.name }, plan);
    else if (plan.optionProbe) await runProbe(common, plan);
    else await runCompile(common, plan);
  }

  /** A job moves ahead in the queue by the time that it is expected to take. */
  get #rankMs(): number {
    const costMs = this.#object === undefined ? undefined : this.#context.costs.expectedCostMs(this.#object);
    return this.arrivedMs - Math.min(MAX_HEAD_START_MS, costMs ?? 0);
  }
}

function nameOf(plan: Plan | PlacementReason, { argv, name }: ShimRequest): string {
  if (typeof plan === 'string') return argv.at(-1) ?? name;
  return plan.kind === 'compile' ? plan.source : plan.subject;
}

function writtenBy(plan: Plan | PlacementReason): readonly string[] {
  if (typeof plan === 'string') return [];
  return plan.kind === 'local' ? plan.outputs : plan.outputs.map(({ path }) => path);
}
