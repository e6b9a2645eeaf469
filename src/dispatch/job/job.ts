/**
 * One job from the shim's request to its end: plan, hold, slot, node or here, settle, answer. It decides; the
 * dispatcher around it owns what jobs share. Unaware of sockets and of how nodes are reached.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { CompilePlan, HerePlan, Plan } from '../../command/plan.ts';
import type { HereReason } from '../../command/reasons.ts';
import type { IdleOn } from '../../protocol/control.ts';
import { JOB_NICENESS } from '../../protocol/runner.ts';
import type { Move, ShimRequest } from '../../protocol/shim.ts';
import { printedHere, type Printed } from '../../remote/job-output.ts';
import { removeRegularFiles, stampNow } from '../../tree/files.ts';
import type { Attempt } from './attempt.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import type { WritesInFlight } from './pending-outputs.ts';
import { formatHoldTimeout, formatUnseen, type HeldFile } from './wait-messages.ts';
import type { JobCosts } from '../scheduling/job-costs.ts';
import type { PlacementReason, RetryReason } from '../reasons.ts';
import { isTooLong } from './job-size.ts';
import { toRecord, type JobEnding, type JobFacts, type JobState } from './state.ts';
import type { JobKind } from '../scheduling/node-speeds.ts';
import { NodeTries, type TriesContext, type Tried } from './attempts.ts';
import { awaitOtherBuilds } from './foreign-outputs.ts';
import type { NoSlot, PlacedJob } from '../scheduling/placement.ts';
import type { Place } from '../scheduling/scheduler.ts';
import type { RemoteSlot } from '../slot-source.ts';
import type { RunningThere } from '../scheduling/stragglers.ts';
import type { ShimPort } from './shim-port.ts';
import type { UnfitNodes } from './unfit-nodes.ts';
import type { TrialChoice } from '../probes/probe-placement.ts';
import type { Question, TrialMemory } from '../probes/probe-memory.ts';

/** A job under which two nodes broke runs here: it may be what breaks them. */
const MAX_FAILURES = 2;
/** So often a job may lose its slot to others. A long compile would else begin again and again, and never end. */
const MAX_REVOCATIONS = 4;
/** No job, however long, stands further in front of those that came before it. */
const MAX_HEAD_START_MS = 60_000;
const NOT_MEASURED = { cpuMs: 0, maxRssKiB: 0 } as const;

/** What jobs share; the dispatcher gives it. For `holdLimitMs` a link is held, too. */
export interface JobContext extends TriesContext {
  readonly writes: WritesInFlight;
  readonly trials: TrialChoice;
  readonly trialMemory: TrialMemory;
  readonly costs: JobCosts;
  /** Those in which builds of this user may be writing what they make in trees that are known. */
  privateDirectories(): readonly string[];
  readonly unfit: UnfitNodes;
  /** Where a job runs now: a node's name or `here`. */
  whereIs(job: number): string;
  /** Waits for a slot. Undefined when `cancelled` came first. */
  acquire(job: PlacedJob, cancelled: Promise<void>): Promise<Place | undefined>;
  /** Of a job that has just been given a slot here: why not one of a node. */
  whyNoNode(): NoSlot;
  noteFinished(node: string, job: FinishedJob): void;
}

/** What a compile on a node was and took. */
export interface FinishedJob {
  readonly kind: JobKind;
  /** Undefined for one whose cost says nothing about the next: it failed, or compiled nothing. */
  readonly object: string | undefined;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly visibleWaitMs: number;
}

export interface JobInput {
  readonly id: number;
  readonly request: ShimRequest;
  readonly environment: KnownEnvironment;
  readonly shim: ShimPort;
  /** A plan, or why the job stays here whatever its command means. */
  readonly plan: Plan | PlacementReason;
}

export class JobLife {
  readonly id: number;
  readonly request: ShimRequest;
  readonly excluded = new Set<string>();
  /** False once a node's failure can only be settled by a compile here. */
  isRemotePossible: boolean;
  readonly rankMs: number;
  #state: JobState = { kind: 'received' };
  readonly #input: JobInput;
  readonly #context: JobContext;
  readonly #arrivedMs = performance.now();
  readonly #tries: NodeTries;
  #startedMs = this.#arrivedMs;
  #failures = 0;
  #revocations = 0;
  /** Why nodes were left out from the start. */
  readonly #unfitReason: RetryReason | undefined;
  #reason: HereReason | PlacementReason | undefined;
  /** What the reason speaks of. */
  #detail: string | undefined;
  /** Of the main source, as it was when the job arrived. */
  #sourceBytes = 0;

  constructor(input: JobInput, context: JobContext) {
    this.id = input.id;
    this.request = input.request;
    this.#input = input;
    this.#context = context;
    const onSettling = (node: string): void => {
      this.#state = { kind: 'settling', sinceMs: performance.now(), node };
    };
    this.#tries = new NodeTries({ ...input, excluded: this.excluded, onSettling }, context);
    this.isRemotePossible = typeof input.plan !== 'string' && input.plan.kind === 'compile';
    const unfit = context.unfit.of(input.environment, (node) => context.link(node));
    for (const { node } of unfit) this.excluded.add(node);
    this.#unfitReason = unfit[0]?.reason;
    const costMs = this.#object === undefined ? undefined : context.costs.expectedCostMs(this.#object);
    this.rankMs = this.#arrivedMs - Math.min(MAX_HEAD_START_MS, costMs ?? 0);
  }

  /** It runs on a node, alone so far, and might run on another as well. */
  get runningThere(): RunningThere | undefined {
    if (this.#state.kind !== 'running-there' || !this.#tries.isAlone) return undefined;
    const expectedMs = this.#object === undefined ? undefined : this.#context.costs.expectedWallMs(this.#object);
    return { id: this.id, forMs: performance.now() - this.#startedMs, expectedMs };
  }

  /** Starts it on a second node as well, if one is free. */
  startSecond(): void {
    this.#tries.startSecond();
  }

  get #object(): string | undefined {
    const { plan } = this.#input;
    return typeof plan !== 'string' && plan.kind === 'compile' ? plan.outputs[0]?.path : undefined;
  }

  /** Nodes on which it has used no CPU for a while. */
  get idle(): readonly IdleOn[] {
    return this.#tries.idle;
  }

  get state(): JobState {
    return this.#state;
  }

  /** What reports call this job by. */
  get file(): string {
    const { plan, request } = this.#input;
    if (typeof plan === 'string') return request.argv.at(-1) ?? request.name;
    return plan.kind === 'compile' ? plan.source : plan.subject;
  }

  get buildId(): string {
    return this.#context.build.id;
  }

  get arrivedMs(): number {
    return this.#arrivedMs;
  }

  /** Resolves when the job is over, in whatever way; never rejects for what a node or a compiler does. */
  async run(): Promise<void> {
    const { plan } = this.#input;
    const outputs = writtenBy(plan);
    this.#context.writes.begin(this.id, outputs);
    try {
      if (typeof plan === 'string') await this.#runCounted(plan);
      else if (plan.kind === 'here') await this.#runLocalCommand(plan);
      else if (plan.trial) await this.#runTrial(plan);
      else await this.#compile(plan);
    } finally {
      this.#context.writes.end(this.id, outputs);
    }
  }

  async #runLocalCommand(plan: HerePlan): Promise<void> {
    const late = await this.#hold(plan);
    if (this.#input.shim.isClosed) this.#end({ kind: 'abandoned' }, 'here');
    else if (late.length > 0) await this.#failHeld(late);
    else if (plan.slot === 'counted') await this.#runCounted(plan.reason, plan.detail);
    else await this.#runHere(plan.reason, 0, plan.detail);
  }

  /** Resolves with what is still being written when it has waited for too long. */
  async #hold({ waitFor, outputs }: HerePlan): Promise<readonly HeldFile[]> {
    const { writes, holdLimitMs } = this.#context;
    const { shim } = this.#input;
    this.#endBySignal();
    if (writes.pending(this.id, waitFor).length > 0) {
      this.#state = { kind: 'held', sinceMs: performance.now() };
      const tooLong = delay(holdLimitMs, undefined, { ref: false });
      await Promise.race([writes.settled(this.id, waitFor), shim.closed, tooLong]);
      const late = writes.pending(this.id, waitFor).map((path) => {
        const writer = writes.writer(this.id, path);
        return { path, where: writer === undefined ? 'here' : this.#context.whereIs(writer) };
      });
      if (late.length > 0) return late;
    }
    // What it makes itself is mostly missing; nobody else's node makes that.
    const inputs = waitFor.filter((path) => !outputs.includes(path));
    const others = await awaitOtherBuilds(inputs, this.#context.privateDirectories(), holdLimitMs, () => shim.isClosed);
    return others.map((path) => ({ path, where: 'elsewhere' }));
  }

  /** Ends as a linker or archiver does that misses a file; what is half written must not be linked. */
  async #failHeld(files: readonly HeldFile[]): Promise<void> {
    const message = await formatHoldTimeout(this.request.name, files, this.#context.holdLimitMs);
    this.#answer('held-too-long', 1, printedHere({ fd: 2, bytes: Buffer.from(message) }));
  }

  /** Ends as a program would that nobody starts. */
  #answer(reason: PlacementReason, code: number, output: Printed): void {
    const termination = { kind: 'exited', code } as const;
    this.#reason = reason;
    void this.#input.shim.finish(output, termination);
    this.#end({ kind: 'terminated', termination }, 'here');
  }

  async #runCounted(reason: HereReason | PlacementReason, detail?: string): Promise<void> {
    this.isRemotePossible = false;
    const place = await this.#acquire();
    if (!place) return;
    try {
      await this.#runHere(reason, 0, detail);
    } finally {
      this.#context.release(place);
    }
  }

  /** A shell waits for it: it takes a slot that is free, or none at all. */
  async #runTrial(plan: CompilePlan): Promise<void> {
    const { trials, trialMemory } = this.#context;
    const { environment } = this.#input;
    const question = trialMemory.question(plan, this.request, environment);
    if (await question?.answer()) {
      this.#answer('known-trial', 0, printedHere());
      return;
    }
    const isForNode = trials.next(question !== undefined) === 'there' && !isTooLong(plan, environment);
    const place = isForNode ? this.#context.acquireNow(this) : undefined;
    if (place) await this.#runTrialThere(plan, place, question);
    else await this.#runHere('trial');
    trials.note(place ? 'there' : 'here', performance.now() - this.#arrivedMs);
  }

  async #runTrialThere(plan: CompilePlan, place: RemoteSlot, question: Question | undefined): Promise<void> {
    const { attempt, node } = await this.#tryNode(plan, place);
    switch (attempt.kind) {
      case 'finished':
        await question?.learn({ ...attempt, object: whereIs(plan.outputs[0]?.path ?? '', attempt.moves) });
        if (!(await this.#finish(plan, node, attempt))) await this.#runHere('outputs-not-placed');
        return;
      case 'abandoned':
        this.#end({ kind: 'abandoned' }, node);
        return;
      case 'retry':
        this.#noteRetry(node, attempt);
        await this.#runHere(attempt.reason);
    }
  }

  async #compile(plan: CompilePlan): Promise<void> {
    if (isTooLong(plan, this.#input.environment)) {
      await this.#runCounted('too-long');
      return;
    }
    // The compiler's own message about a missing source is best made here.
    const stamps = plan.sources.map(stampNow);
    this.#sourceBytes = Number(stamps[0]?.sizeBytes ?? 0n);
    if (stamps.includes(undefined)) {
      await this.#runCounted('source-not-a-file');
      return;
    }
    for (;;) {
      const place = await this.#acquire();
      if (!place) return;
      if (place.kind === 'here') {
        try {
          const own = this.#reason ?? this.#unfitReason;
          const { reason, detail }: Because = own ? { reason: own } : this.#context.whyNoNode();
          // As on the nodes: make, the linker and the dispatcher, which all of them wait for, come first.
          await this.#runHere(reason, isAlone(reason) ? 0 : JOB_NICENESS, detail);
        } finally {
          this.#context.release(place);
        }
        return;
      }
      const { attempt, node } = await this.#tryNode(plan, place);
      if (attempt.kind === 'retry') {
        this.#noteRetry(node, attempt);
        if (attempt.unseen !== undefined) await this.#noteUnseen(attempt.unseen, node);
        continue;
      }
      if (attempt.kind === 'abandoned') {
        this.#end({ kind: 'abandoned' }, node);
        return;
      }
      if (await this.#finish(plan, node, attempt)) return;
    }
  }

  /** False when what the node wrote could not be put in place: the compile is still to be done. */
  async #finish(plan: CompilePlan, node: string, attempt: Attempt & { kind: 'finished' }): Promise<boolean> {
    const { termination, output, moves, cpuMs, visibleWaitMs } = attempt;
    const { shim } = this.#input;
    if (moves.length === 0) {
      await shim.finish(output, termination);
      output.release();
    } else {
      const finish = await shim.finishWith(moves, output, termination);
      output.release();
      if (finish !== 'done')
        await removeRegularFiles(moves.flatMap((move) => (move.kind === 'move' ? [move.from] : [])));
      if (typeof finish === 'object') {
        this.#noteRetry(node, { kind: 'retry', reason: 'outputs-not-placed', elsewhere: false });
        return false;
      }
    }
    this.#context.build.addVisibleWait(visibleWaitMs);
    const isWhole = termination.kind === 'exited' && termination.code === 0 && !plan.trial;
    this.#context.noteFinished(node, {
      kind: this.#kindOf(plan),
      object: isWhole ? plan.outputs[0]?.path : undefined,
      cpuMs,
      wallMs: performance.now() - this.#startedMs,
      visibleWaitMs,
    });
    this.#context.build.scope.noteUseful(node);
    this.#end({ kind: 'terminated', termination }, node, attempt);
    return true;
  }

  async #acquire(): Promise<Place | undefined> {
    this.#state = { kind: 'queued', sinceMs: performance.now() };
    this.#endBySignal();
    const place = await this.#context.acquire(this, this.#input.shim.closed);
    if (place && !this.#input.shim.isClosed) return place;
    if (place) this.#context.release(place);
    this.#end({ kind: 'abandoned' }, 'here');
    return undefined;
  }

  /** Resolves with the attempt that counts: the one on `place`, or one on a second node that was quicker. */
  async #tryNode(plan: CompilePlan, place: RemoteSlot): Promise<Tried> {
    this.#startedMs = performance.now();
    this.#state = { kind: 'running-there', sinceMs: this.#startedMs, node: place.node };
    const { failed, last } = await this.#tries.run(plan, place);
    for (const { attempt, node } of failed) if (attempt.kind === 'retry') this.#noteRetry(node, attempt);
    return last;
  }

  #kindOf({ source, language, argv: words }: CompilePlan): JobKind {
    return { source, language, words, program: this.request.program, sourceBytes: this.#sourceBytes };
  }

  /** Nothing runs yet that a signal could reach: the shim ends by it at once. */
  #endBySignal(): void {
    const { shim } = this.#input;
    shim.onSignal((signal) => void shim.finish(printedHere(), { kind: 'signalled', signal }));
  }

  #noteRetry(node: string, attempt: Attempt & { kind: 'retry' }): void {
    this.#context.build.addRetry(attempt.reason);
    this.#reason ??= attempt.reason;
    if (attempt.isRevoked) {
      this.#revocations += 1;
      if (this.#revocations >= MAX_REVOCATIONS) this.isRemotePossible = false;
      return;
    }
    this.excluded.add(node);
    if (attempt.isStale) return;
    // A node that sends a job back costs it next to nothing; one that breaks under it, or hides what it wrote, does.
    if (!attempt.isNotRun) this.#failures += 1;
    if (attempt.lack !== undefined) this.#noteUnfit(node, attempt.reason, attempt.lack);
    else if (attempt.isNotRun || attempt.unseen !== undefined) this.#context.build.noteUseless(node, attempt.reason);
    if (!attempt.elsewhere || this.#failures >= MAX_FAILURES) this.isRemotePossible = false;
  }

  /** The node is as good as before for jobs that come with another environment. */
  #noteUnfit(node: string, reason: RetryReason, lack: string): void {
    const context = this.#context;
    context.unfit.note(this.#input.environment, { node, reason }, context.link(node));
    context.build.problems.add(`${node}: ${lack}`);
  }

  /** The first file of a node is enough to look into. */
  async #noteUnseen(path: string, node: string): Promise<void> {
    const { build, holdLimitMs } = this.#context;
    if (build.unseenOf.has(node)) return;
    build.unseenOf.add(node);
    build.problems.add(await formatUnseen(path, node, holdLimitMs));
  }

  async #runHere(reason: HereReason | PlacementReason, niceness = 0, detail?: string): Promise<void> {
    this.#reason = reason;
    this.#detail = detail;
    this.#startedMs = performance.now();
    this.#state = { kind: 'running-here', sinceMs: this.#startedMs };
    this.#input.shim.runHere(niceness);
    await this.#input.shim.closed;
    this.#end({ kind: 'ran-here' }, 'here');
  }

  /** @param used by the compiler; what runs here is not measured */
  #end(how: JobEnding, where: string, used: Pick<JobFacts, 'cpuMs' | 'maxRssKiB'> = NOT_MEASURED): void {
    this.#state = { kind: 'ended', how };
    const now = performance.now();
    if (how.kind === 'abandoned') return;
    this.#context.build.addRecord(
      toRecord({
        file: this.file,
        name: this.request.name,
        where,
        reason: this.#reason ?? '',
        detail: this.#detail,
        attempts: this.#tries.count + (how.kind === 'ran-here' ? 1 : 0),
        arrivedMs: this.#arrivedMs,
        startedMs: this.#startedMs,
        endedMs: now,
        cpuMs: used.cpuMs,
        maxRssKiB: used.maxRssKiB,
        how,
      }),
      now,
    );
  }
}

/** Why a job runs here. */
interface Because {
  readonly reason: HereReason | PlacementReason;
  readonly detail?: string;
}

/** No node takes work off this host, which has all of it to do. */
function isAlone(reason: string): boolean {
  return reason === 'no-nodes' || reason === 'nodes-unfit';
}

function writtenBy(plan: Plan | PlacementReason): readonly string[] {
  if (typeof plan === 'string') return [];
  return plan.kind === 'here' ? plan.outputs : plan.outputs.map(({ path }) => path);
}

/** Where a file lies until `moves` are made. */
function whereIs(path: string, moves: readonly Move[]): string {
  const move = moves.find((one) => one.kind === 'move' && one.to === path);
  return move?.kind === 'move' ? move.from : path;
}
