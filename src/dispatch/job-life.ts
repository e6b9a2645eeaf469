/**
 * One job from the shim's request to its end: plan, hold, slot, node or here, settle, answer. It decides; the
 * dispatcher around it owns what jobs share. Unaware of sockets and of how nodes are reached.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { CompilePlan, HerePlan, Plan } from '../command/plan.ts';
import type { HereReason } from '../command/reasons.ts';
import type { Termination } from '../protocol/termination.ts';
import type { ShimRequest } from '../protocol/shim.ts';
import type { NodeLink, OutputChunk, RemoteEnd, RemoteRun } from '../remote/node-link.ts';
import { removeRegularFiles, stampNow } from '../tree/files.ts';
import { waitVisible } from '../tree/visible.ts';
import type { Build } from './builds.ts';
import type { KnownEnvironment } from './environments.ts';
import type { WritesInFlight } from './hold.ts';
import { toRecord, type JobEnding, type JobState, type PlacementReason, type RetryReason } from './job.ts';
import type { Place } from './queue.ts';
import type { ShimPort } from './shim-session.ts';
import { findTrouble } from './trouble.ts';

/** A job that two nodes failed runs here: a third would fail it for the same reason. */
const MAX_NODES_TRIED = 2;
/** NFS's default directory attribute cache (acdirmax) plus some; see field measurements in docs/design-notes.md. */
const VISIBLE_LIMIT_MS = 60_000;
/** From a first signal to SIGKILL: the user was promised 2 s to the end of the process group. */
const KILL_DELAY_MS = 1_000;
const SIGTERM = 15;
const SIGKILL = 9;

/** What jobs share; the dispatcher gives it. */
export interface JobContext {
  readonly build: Build;
  readonly writes: WritesInFlight;
  readonly holdLimitMs: number;
  /** Waits for a slot. Undefined when `cancelled` came first. */
  acquire(job: JobLife, cancelled: Promise<void>): Promise<Place | undefined>;
  release(place: Place): void;
  link(node: string): NodeLink | undefined;
  /** Nodes of this job's list that may take it, now. */
  eligible(): ReadonlySet<string>;
  countFinished(node: string): void;
}

export interface JobInput {
  readonly id: number;
  readonly request: ShimRequest;
  readonly environment: KnownEnvironment;
  readonly shim: ShimPort;
  /** A plan, or why the job stays here whatever its command means. */
  readonly plan: Plan | PlacementReason;
}

type Attempt =
  | { readonly kind: 'finished'; readonly termination: Termination; readonly output: readonly OutputChunk[] }
  | { readonly kind: 'retry'; readonly reason: RetryReason; readonly elsewhere: boolean }
  | { readonly kind: 'abandoned' };

export class JobLife {
  readonly id: number;
  readonly request: ShimRequest;
  readonly excluded = new Set<string>();
  /** False once a node's failure can only be settled by a compile here. */
  isRemotePossible: boolean;
  #state: JobState = { kind: 'received' };
  readonly #input: JobInput;
  readonly #context: JobContext;
  readonly #arrivedMs = performance.now();
  #startedMs = this.#arrivedMs;
  #attempts = 0;
  #reason: HereReason | PlacementReason | undefined;
  #cpuMs = 0;
  #maxRssKiB = 0;
  #isGone = false;

  constructor(input: JobInput, context: JobContext) {
    this.id = input.id;
    this.request = input.request;
    this.#input = input;
    this.#context = context;
    this.isRemotePossible = typeof input.plan !== 'string' && input.plan.kind === 'compile';
    void input.shim.closed.then(() => {
      this.#isGone = true;
    });
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

  get arrivedMs(): number {
    return this.#arrivedMs;
  }

  /** Resolves when the job is over, in whatever way; never rejects for what a node or a compiler does. */
  async run(): Promise<void> {
    const { plan } = this.#input;
    const outputs = typeof plan === 'string' ? [] : plan.outputs;
    this.#context.writes.begin(this.id, outputs);
    try {
      if (typeof plan === 'string') await this.#runCounted(plan);
      else if (plan.kind === 'here') await this.#runLocalCommand(plan);
      else await this.#compile(plan);
    } finally {
      this.#context.writes.end(this.id, outputs);
    }
  }

  async #runLocalCommand(plan: HerePlan): Promise<void> {
    await this.#hold(plan.waitFor);
    if (this.#isGone) this.#end({ kind: 'abandoned' }, 'here');
    else if (plan.slot === 'counted') await this.#runCounted(plan.reason);
    else await this.#runHere(plan.reason);
  }

  async #hold(waitFor: readonly string[]): Promise<void> {
    const waitingFor = this.#context.writes.pending(this.id, waitFor);
    if (waitingFor.length === 0) return;
    this.#state = { kind: 'held', sinceMs: performance.now(), waitingFor };
    const settled = this.#context.writes.settled(this.id, waitFor);
    await Promise.race([settled, this.#input.shim.closed, delay(this.#context.holdLimitMs, undefined, { ref: false })]);
  }

  async #runCounted(reason: HereReason | PlacementReason): Promise<void> {
    this.isRemotePossible = false;
    const place = await this.#acquire();
    if (!place) return;
    await this.#runHere(reason);
    this.#context.release(place);
  }

  async #compile(plan: CompilePlan): Promise<void> {
    // The compiler's own message about a missing source is best made here.
    if (plan.sources.some((source) => stampNow(source) === undefined)) {
      await this.#runCounted('source-not-a-file');
      return;
    }
    for (;;) {
      const place = await this.#acquire();
      if (!place) return;
      if (place.kind === 'here') {
        const busy = this.#context.eligible().size === 0 ? 'no-nodes' : 'nodes-busy';
        await this.#runHere(this.#reason ?? busy);
        this.#context.release(place);
        return;
      }
      const attempt = await this.#tryNode(plan, place);
      if (attempt.kind === 'retry') {
        this.#noteRetry(place.node, attempt);
        continue;
      }
      if (attempt.kind === 'abandoned') {
        this.#end({ kind: 'abandoned' }, place.node);
        return;
      }
      this.#input.shim.finish(attempt.output, attempt.termination);
      this.#context.countFinished(place.node);
      this.#end({ kind: 'terminated', termination: attempt.termination }, place.node);
      return;
    }
  }

  async #acquire(): Promise<Place | undefined> {
    this.#state = { kind: 'queued', sinceMs: performance.now() };
    const place = await this.#context.acquire(this, this.#input.shim.closed);
    if (place && !this.#isGone) return place;
    if (place) this.#context.release(place);
    this.#end({ kind: 'abandoned' }, 'here');
    return undefined;
  }

  /** The slot is given back as soon as the node is done with the job, before its outputs are settled. */
  async #tryNode(plan: CompilePlan, place: Place & { kind: 'node' }): Promise<Attempt> {
    const sources = plan.sources.map(stampNow).filter((stamp) => stamp !== undefined);
    const link = this.#context.link(place.node);
    if (!link) {
      this.#context.release(place);
      return { kind: 'retry', reason: 'node-lost', elsewhere: true };
    }
    const startedMs = performance.now();
    this.#startedMs = startedMs;
    this.#attempts += 1;
    this.#state = { kind: 'running-there', sinceMs: startedMs, node: place.node };
    this.#input.shim.showNode(place.node);
    const { request, environment } = this.#input;
    const run = link.run(
      {
        umask: request.umask,
        cwd: request.cwd,
        program: request.program,
        words: plan.words,
        sources,
        outputs: plan.outputs,
        restore: plan.restore,
      },
      environment.forNodes,
    );
    const wasSignalled = this.#passSignals(run);
    const end = await run.end;
    this.#context.release(place);
    return this.#settle(plan, place.node, end, wasSignalled);
  }

  async #settle(plan: CompilePlan, node: string, end: RemoteEnd, wasSignalled: () => boolean): Promise<Attempt> {
    switch (end.kind) {
      case 'lost':
        this.#state = { kind: 'queued', sinceMs: performance.now() };
        // The old compiler may write until its worker has surely killed it; a retry before that is a race for the object.
        await Promise.race([delay(Math.max(0, end.fencedAtMs - performance.now())), this.#input.shim.closed]);
        await removeRegularFiles(plan.outputs);
        return this.#isGone ? { kind: 'abandoned' } : { kind: 'retry', reason: 'node-lost', elsewhere: true };
      case 'notRun':
        return this.#isGone ? { kind: 'abandoned' } : { kind: 'retry', ...NOT_RUN[end.reason] };
      case 'done':
        break;
    }
    const { report, output } = end;
    this.#cpuMs = Number((report.cpuUserUs + report.cpuSystemUs) / 1000n);
    this.#maxRssKiB = report.maxRssKiB;
    if (wasSignalled()) {
      // gcc removes its outputs on a signal it can catch; SIGKILL leaves them half written.
      if (report.termination.kind === 'signalled') await removeRegularFiles(plan.outputs);
      return this.#isGone ? { kind: 'abandoned' } : { kind: 'finished', termination: report.termination, output };
    }
    const trouble = findTrouble(report.termination, stderrOf(output));
    if (trouble !== undefined) return { kind: 'retry', reason: trouble, elsewhere: false };
    this.#state = { kind: 'settling', sinceMs: performance.now(), node };
    const visibility = await waitVisible(report.outputs, VISIBLE_LIMIT_MS);
    this.#context.build.addVisibleWait(visibility.waitedMs);
    if (visibility.kind === 'timed-out') return { kind: 'retry', reason: 'outputs-not-visible', elsewhere: false };
    return { kind: 'finished', termination: report.termination, output };
  }

  /** Signals of the shim, and its death, reach the job's process group; SIGKILL follows. */
  #passSignals(run: RemoteRun): () => boolean {
    let wasSignalled = false;
    let kill: NodeJS.Timeout | undefined;
    const signal = (value: number): void => {
      wasSignalled = true;
      run.signal(value);
      kill ??= setTimeout(() => run.signal(SIGKILL), KILL_DELAY_MS);
    };
    this.#input.shim.onSignal(signal);
    let isOver = false;
    void this.#input.shim.closed.then(() => {
      if (!isOver) signal(SIGTERM);
    });
    void run.end.then(() => {
      isOver = true;
      clearTimeout(kill);
    });
    return () => wasSignalled;
  }

  #noteRetry(node: string, attempt: Attempt & { kind: 'retry' }): void {
    this.#context.build.addRetry(attempt.reason);
    this.#reason ??= attempt.reason;
    this.excluded.add(node);
    if (!attempt.elsewhere || this.excluded.size >= MAX_NODES_TRIED) this.isRemotePossible = false;
  }

  async #runHere(reason: HereReason | PlacementReason): Promise<void> {
    this.#reason = reason;
    this.#attempts += 1;
    this.#startedMs = performance.now();
    this.#state = { kind: 'running-here', sinceMs: this.#startedMs };
    this.#input.shim.runHere();
    await this.#input.shim.closed;
    this.#end({ kind: 'ran-here' }, 'here');
  }

  #end(how: JobEnding, where: string): void {
    this.#state = { kind: 'ended', how };
    const now = performance.now();
    if (how.kind === 'abandoned') return;
    this.#context.build.addRecord(
      toRecord({
        file: this.file,
        name: this.request.name,
        where,
        reason: this.#reason ?? '',
        attempts: this.#attempts,
        arrivedMs: this.#arrivedMs,
        startedMs: this.#startedMs,
        endedMs: now,
        cpuMs: this.#cpuMs,
        maxRssKiB: this.#maxRssKiB,
        how,
      }),
      now,
    );
  }
}

const NOT_RUN: Readonly<
  Record<(RemoteEnd & { kind: 'notRun' })['reason'], { readonly reason: RetryReason; readonly elsewhere: boolean }>
> = {
  'cwd-missing': { reason: 'node-has-no-cwd', elsewhere: true },
  'program-missing': { reason: 'node-has-no-compiler', elsewhere: true },
  'source-differs': { reason: 'node-sees-another-source', elsewhere: true },
  'environment-unknown': { reason: 'node-could-not-start', elsewhere: true },
  'spawn-failed': { reason: 'node-could-not-start', elsewhere: true },
  'restore-failed': { reason: 'node-trouble', elsewhere: false },
  'output-too-large': { reason: 'output-too-large', elsewhere: false },
};

function stderrOf(output: readonly OutputChunk[]): string {
  return Buffer.concat(output.filter(({ fd }) => fd === 2).map(({ bytes }) => bytes)).toString('utf8');
}
