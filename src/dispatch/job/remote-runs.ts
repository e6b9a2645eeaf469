/**
 * Runs of one job on nodes. Each outcome counts for or against the node, the job and its build, and the result of the
 * last run is put in place. Unaware of queues, and of what happens to a job that no node could do.
 */
import type { CompilePlan } from '../../command/plan.ts';
import type { ShimRequest } from '../../protocol/shim.ts';
import { removeRegularFiles } from '../../tree/files.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import type { RetryReason } from '../reasons.ts';
import type { JobKind } from '../scheduling/node-speeds.ts';
import type { RemoteSlot } from '../slot-source.ts';
import type { Attempt } from './attempt.ts';
import { NodeTries, type Tried, type TriesContext } from './attempts.ts';
import type { JobLife } from './life.ts';
import type { ShimPort } from './shim-port.ts';
import type { UnfitNodes } from './unfit-nodes.ts';
import { formatUnseen } from './wait-messages.ts';

/** A job that broke two nodes runs locally: the job itself may be what breaks them. */
const MAX_FAILURES = 2;
/** How often a job may lose its slot to others. A long compile would otherwise start over without end. */
const MAX_REVOCATIONS = 4;

/** What the remote runs of all jobs share. */
export interface RemoteContext extends TriesContext {
  readonly unfit: UnfitNodes;
  noteFinished(node: string, job: FinishedJob): void;
}

/** A compile that finished on a node, and its cost. */
export interface FinishedJob {
  readonly kind: JobKind;
  /** Undefined for a job whose cost does not predict the next: it failed, or compiled nothing. */
  readonly object: string | undefined;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly visibleWaitMs: number;
}

/** The job, and its shim. */
export interface RemoteRunsInput {
  readonly id: number;
  readonly life: JobLife;
  readonly request: ShimRequest;
  readonly environment: KnownEnvironment;
  readonly shim: ShimPort;
}

/** Keeps account of one job's runs on nodes. */
export class RemoteRuns {
  /** Size of the main source when the job arrived. */
  sourceBytes = 0;
  readonly #input: RemoteRunsInput;
  readonly #context: RemoteContext;
  readonly #tries: NodeTries;
  readonly #failed = new Set<string>();
  /** Why nodes were excluded from the start. */
  readonly #unfitReason: RetryReason | undefined;
  #isPossible = true;
  #failures = 0;
  #revocations = 0;

  constructor(input: RemoteRunsInput, context: RemoteContext) {
    this.#input = input;
    this.#context = context;
    const onSettling = (node: string): void => input.life.settle(node);
    this.#tries = new NodeTries({ ...input, excluded: this.#failed, onSettling }, context);
    const unfit = context.unfit.of(input.environment, (node) => context.link(node));
    for (const { node } of unfit) this.#failed.add(node);
    this.#unfitReason = unfit[0]?.reason;
  }

  get tries(): Pick<NodeTries, 'idle' | 'isAlone' | 'startSecond'> {
    return this.#tries;
  }

  /** Nodes that failed the job, or cannot give what it needs. */
  get failed(): ReadonlySet<string> {
    return this.#failed;
  }

  /** False once only a local compile can settle the job. */
  get isPossible(): boolean {
    return this.#isPossible;
  }

  /** Why the job must run locally after all; undefined if no node is to blame. */
  get localReason(): JobLife['reason'] {
    return this.#input.life.reason ?? this.#unfitReason;
  }

  /** Resolves with the attempt that counts: the one in `slot`, or one on a second node that was quicker. */
  async run(plan: CompilePlan, slot: RemoteSlot): Promise<Tried> {
    const { life } = this.#input;
    life.runOn(slot.node);
    const { failed, last } = await this.#tries.run(plan, slot);
    life.attempts = this.#tries.count;
    for (const { attempt, node } of failed) if (attempt.kind === 'retry') this.#noteRetry(node, attempt);
    if (last.attempt.kind === 'retry') {
      this.#noteRetry(last.node, last.attempt);
      if (last.attempt.unseen !== undefined) await this.#noteUnseen(last.attempt.unseen, last.node);
    }
    if (last.attempt.kind === 'abandoned') life.end({ kind: 'abandoned' }, last.node);
    return last;
  }

  /**
   * Ends the job with the result of an attempt.
   * @returns false if the outputs could not be put in place: the compile still has to be done
   */
  async finish(plan: CompilePlan, node: string, attempt: Attempt & { kind: 'finished' }): Promise<boolean> {
    const { termination, cpuMs, visibleWaitMs } = attempt;
    if (!(await this.#handOver(attempt))) {
      this.#noteRetry(node, { kind: 'retry', reason: 'outputs-not-placed', elsewhere: false });
      return false;
    }
    const { build } = this.#context;
    const { life, request } = this.#input;
    build.tally.addVisibleWait(visibleWaitMs);
    const isWhole = termination.kind === 'exited' && termination.code === 0 && !plan.optionProbe;
    const { source, language, argv: words } = plan;
    this.#context.noteFinished(node, {
      kind: { source, language, words, program: request.program, sourceBytes: this.sourceBytes },
      object: isWhole ? plan.outputs[0]?.path : undefined,
      cpuMs,
      wallMs: performance.now() - life.startedMs,
      visibleWaitMs,
    });
    build.scope.noteUseful(node);
    life.end({ kind: 'terminated', termination }, node, attempt);
    return true;
  }

  /** The shim puts the outputs in place, prints and ends; false if the outputs could not be put in place. */
  async #handOver({ termination, output, moves }: Attempt & { kind: 'finished' }): Promise<boolean> {
    const { shim } = this.#input;
    if (moves.length === 0) {
      await shim.finish(output, termination);
      output.release();
      return true;
    }
    const finish = await shim.finishWith(moves, output, termination);
    output.release();
    if (finish !== 'done') {
      await removeRegularFiles(moves.flatMap((move) => (move.kind === 'move' ? [move.from] : [])));
    }
    return typeof finish !== 'object';
  }

  #noteRetry(node: string, attempt: Attempt & { kind: 'retry' }): void {
    const { build } = this.#context;
    const { life } = this.#input;
    build.tally.addRetry(attempt.reason);
    life.reason ??= attempt.reason;
    if (attempt.isRevoked) {
      this.#revocations += 1;
      if (this.#revocations >= MAX_REVOCATIONS) this.#isPossible = false;
      return;
    }
    this.#failed.add(node);
    if (attempt.isStale) return;
    // A job that is sent back costs almost nothing; a node that breaks during a job or hides its outputs costs a
    // compile.
    if (!attempt.isNotRun) this.#failures += 1;
    if (attempt.lack !== undefined) this.#noteUnfit(node, attempt.reason, attempt.lack);
    else if (attempt.isNotRun || attempt.unseen !== undefined) build.noteUseless(node, attempt.reason);
    if (!attempt.elsewhere || this.#failures >= MAX_FAILURES) this.#isPossible = false;
  }

  /** The node stays fit for jobs with another environment. */
  #noteUnfit(node: string, reason: RetryReason, lack: string): void {
    const context = this.#context;
    context.unfit.note(this.#input.environment, { node, reason }, context.link(node));
    context.build.problems.add(`${node}: ${lack}`);
  }

  /** Reports only the node's first file: one is enough to investigate. */
  async #noteUnseen(path: string, node: string): Promise<void> {
    const { build, holdLimitMs } = this.#context;
    if (build.unseenOf.has(node)) return;
    build.unseenOf.add(node);
    build.problems.add(await formatUnseen(path, node, holdLimitMs));
  }
}
