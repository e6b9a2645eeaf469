/**
 * One attempt at one compile on one node: sends it, forwards signals, fences a lost node, and settles the outputs on
 * this host. Unaware of queues, of other attempts and of what the shim is told in the end.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { CompilePlan } from '../../command/plan.ts';
import type { ShimRequest } from '../../protocol/shim.ts';
import type { Termination } from '../../protocol/termination.ts';
import type { Move } from '../../protocol/shim.ts';
import type { FileState, WorkerReport } from '../../protocol/worker.ts';
import type { Printed } from '../../remote/job-output.ts';
import type { NodeLink, RemoteEnd } from '../../remote/node-link.ts';
import { findMissed } from '../../tree/find-missed.ts';
import { removeRegularFiles } from '../../tree/files.ts';
import type { SearchedDirectories } from '../../tree/searched-directories.ts';
import { waitVisible, type ExpectedFile } from '../../tree/visible.ts';
import { workingDirectory } from '../../tree/working-directory.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import { environmentForPaths, jobForNode } from './remote-job.ts';
import type { Ticket } from '../nodes/admission.ts';
import type { RetryReason } from '../reasons.ts';
import type { Runner } from './race.ts';
import type { ShimPort } from './shim-port.ts';
import { notRun, type NotRun } from './not-run.ts';
import { passStops, type Stops } from './stops.ts';
import { withOwnNames } from './own-names.ts';
import { movesFor, stageOutputs, type StagedOutputs } from './staged-outputs.ts';
import { beginningAndEnd, findTrouble, missedNames, plainText, type EndOnNode } from './node-fault.ts';

/** Outcome of an attempt. */
export type Attempt =
  | {
      readonly kind: 'finished';
      readonly termination: Termination;
      /** The receiver of the attempt releases it. */
      readonly output: Printed;
      readonly cpuMs: number;
      readonly maxRssKiB: number;
      readonly visibleWaitMs: number;
      /** What the shim must do before it ends. */
      readonly moves: readonly Move[];
    }
  /** `elsewhere`: another node may do better; otherwise only a local compile can settle the job. */
  | {
      readonly kind: 'retry';
      readonly reason: RetryReason;
      readonly elsewhere: boolean;
      /** The node sent the job back without starting it. */
      readonly isNotRun?: true;
      /** What the node cannot give to any job of this environment, as a phrase that follows its name. */
      readonly lack?: string;
      /** The node no longer matches this host: it is checked again before it gets another such job. */
      readonly isStale?: true;
      /** Nothing went wrong: the node wanted its slot back. */
      readonly isRevoked?: true;
      /** The output that did not become visible on this host in time. */
      readonly unseen?: string;
    }
  /** The shim went away. */
  | { readonly kind: 'abandoned' };

/** What an attempt needs. */
export interface AttemptInput {
  readonly request: ShimRequest;
  readonly environment: KnownEnvironment;
  readonly shim: Pick<ShimPort, 'closed' | 'isClosed' | 'onSignal'>;
  readonly plan: CompilePlan;
  readonly link: NodeLink;
  readonly ticket: Ticket;
  readonly directories: SearchedDirectories;
  /** The user's private directory, if the node sees it; undefined otherwise. */
  readonly stagingDirectory: string | undefined;
  /** True if there is another attempt at the job: this one must not write under the outputs' own names. */
  readonly mustStage: boolean;
  /** How long outputs may take to become visible on this host. */
  readonly visibleLimitMs: number;
  /** Resolves with the reason when the slot is revoked; undefined for a slot that is never revoked. */
  readonly revoked: Promise<RetryReason> | undefined;
  /** Only one attempt at a job may put its outputs in place. */
  readonly runner: Runner;
  /** The node is done with the job and its slot is free; the outputs are not settled yet. */
  readonly onNodeDone: () => void;
  readonly onSettling: () => void;
  /** The node saw a file late, and compiles again. */
  readonly onLate: () => void;
  /** Called from time to time with the CPU time that the compiler has used so far. */
  readonly onCpu: (cpuUs: bigint) => void;
}

/** Runs the compile on the node. Node and compiler failures are outcomes, never rejections. */
export async function attemptOnNode(input: AttemptInput): Promise<Attempt> {
  const { shim, request, runner } = input;
  let { plan } = input;
  const staged = stageOutputs(plan, request.umask, input.stagingDirectory);
  if (!staged && input.mustStage) {
    input.onNodeDone();
    return BEATEN;
  }
  // Its node may be cut off: remove what it has written so far without waiting for that to be known.
  if (staged) void runner.beaten.then(() => removeRegularFiles(staged.paths));
  let run = await runOnNode(input, plan, staged, []);
  if (run && plan.paths === 'absolute' && isNameLeft(run.end)) {
    // A path that was made absolute is in the object. The user's own paths do no harm.
    release(run);
    plan = { ...plan, paths: 'auto' };
    run = await runOnNode(input, plan, staged, []);
  }
  if (run) {
    const late = await findLate(input, run);
    if (late.length > 0) {
      input.onLate();
      input.directories.tellAgain(input.link, plan.searched);
      release(run);
      run = await runOnNode(input, plan, staged, late);
    }
  }
  input.onNodeDone();
  if (!run) return { kind: 'retry', reason: 'paths-not-mapped', elsewhere: true };
  const attempt = await settle({ ...input, staged, stagedThere: run.outputs }, run.end, run.stops);
  if (attempt.kind === 'finished' && !shim.isClosed) return attempt;
  release(run);
  if (!shim.isClosed) return attempt;
  if (attempt.kind === 'finished' && staged) await removeRegularFiles(staged.paths);
  return { kind: 'abandoned' };
}

/** Releases the output of a run that does not count. */
function release({ end }: EndedRun): void {
  if (end.kind === 'done') end.output.release();
}

function isNameLeft(end: RemoteEnd): boolean {
  return end.kind === 'notRun' && end.reason === 'names-left';
}

interface EndedRun {
  readonly end: RemoteEnd;
  readonly stops: Stops;
  /** Paths of the outputs, in the node's own names. */
  readonly outputs: readonly string[];
}

/**
 * Sends the job and waits for its end.
 * @param late further directories that the node must revalidate
 * @returns undefined if the job cannot be rendered for the node
 */
async function runOnNode(
  input: AttemptInput,
  plan: CompilePlan,
  staged: StagedOutputs | undefined,
  late: readonly string[],
): Promise<EndedRun | undefined> {
  const { request, link, directories } = input;
  await directories.ready(plan.searched);
  // No await between this call and the send: later jobs assume that the node was told with this one.
  const changed = directories.takeChanged(link, plan.searched);
  const job = jobForNode(request, plan, staged, link.paths, [...changed, ...late]);
  if (!job) {
    directories.tellAgain(link, plan.searched);
    return undefined;
  }
  // A node with path maps gets its own name for the directory.
  const cwd =
    link.paths.length > 0 ? job.cwd : workingDirectory(plan.cwd, input.environment.entries.get('PWD'), job.words);
  const environment = environmentForPaths(input.environment.forNodes, link.paths);
  const run = link.run({ ...job, cwd, stamps: input.ticket.stamps }, environment, input.onCpu);
  const stops = passStops(run, input);
  return { end: await run.end, stops, outputs: job.outputs };
}

/** Directories of files that the compiler did not find on the node, but that exist on this host. */
async function findLate(
  { request, plan, environment, shim }: AttemptInput,
  { end, stops }: EndedRun,
): Promise<string[]> {
  if (end.kind !== 'done' || stops.signal !== undefined || stops.revokedBy !== undefined) return [];
  if (isSuccess(end.report.termination)) return [];
  const ended = endOf(end.report, end.output);
  if (findTrouble(ended, environment) !== 'file-missing-on-node') return [];
  return findMissed(missedNames(ended.stderr), [request.cwd, ...plan.searched], shim.closed);
}

interface Settling extends AttemptInput {
  readonly staged: StagedOutputs | undefined;
  /** The outputs' names on the node. */
  readonly stagedThere: readonly string[];
}

async function settle(input: Settling, end: RemoteEnd, stops: Stops): Promise<Attempt> {
  const { plan, staged, visibleLimitMs } = input;
  const paths = staged?.paths ?? plan.outputs.map(({ path }) => path);
  const discard = (): Promise<void> => removeRegularFiles(paths);
  switch (end.kind) {
    case 'lost':
      await leaveBehind(input, paths, end.fencedAtMs);
      return { kind: 'retry', reason: 'node-lost', elsewhere: true };
    case 'notRun':
      if (staged) await discard();
      return settleNotRun(input, notRun(end.reason, end.detail), end.detail);
    case 'done':
      break;
  }
  // An interrupted run has no result that could be refused.
  const refusal =
    stops.signal !== undefined ? undefined : await Promise.race([input.ticket.verdict, input.shim.closed]);
  if (refusal) {
    if (staged) await discard();
    return { kind: 'retry', reason: 'node-differs', elsewhere: true, isStale: true };
  }
  const { report } = end;
  const output = staged ? withOwnNames(end.output, plan.outputs, input.stagedThere) : end.output;
  const { maxRssKiB } = report;
  const termination = endBySignal(report.termination, stops);
  const used = { cpuMs: Number((report.cpuUserUs + report.cpuSystemUs) / 1000n), maxRssKiB };
  if (stops.signal !== undefined) {
    if (!input.runner.claim()) {
      await discard();
      return BEATEN;
    }
    // gcc removes its outputs on a signal it can catch; SIGKILL leaves them half written.
    if (staged || termination.kind === 'signalled') await discard();
    return { kind: 'finished', termination, output, ...used, visibleWaitMs: 0, moves: [] };
  }
  if (stops.revokedBy !== undefined && !isSuccess(termination)) {
    await discard();
    return { kind: 'retry', reason: stops.revokedBy, elsewhere: true, isRevoked: true };
  }
  if (input.runner.isBeaten) {
    await discard();
    return BEATEN;
  }
  // The original output, in the node's own names: names do not matter for blaming the node.
  const trouble = isSuccess(termination) ? undefined : findTrouble(endOf(report, end.output), input.environment);
  if (trouble !== undefined) {
    if (staged) await discard();
    return { kind: 'retry', reason: trouble, elsewhere: false };
  }
  if (isSuccess(termination) && lacksObject(plan, staged, report.outputs)) {
    if (staged) await discard();
    return { kind: 'retry', reason: 'node-made-no-object', elsewhere: false };
  }
  input.onSettling();
  for (const { path } of plan.outputs) input.directories.noteWritten(path);
  const visibility = await waitVisible(expectedFiles(paths, report.outputs), visibleLimitMs);
  if (visibility.kind === 'timed-out') {
    if (staged) await discard();
    const unseen = plan.outputs[paths.indexOf(visibility.path)]?.path ?? visibility.path;
    return { kind: 'retry', reason: 'outputs-not-visible', elsewhere: false, unseen };
  }
  if (!input.runner.claim()) {
    await discard();
    return BEATEN;
  }
  const moves = staged ? movesFor(plan.outputs, staged, report.outputs) : [];
  return { kind: 'finished', termination, output, ...used, visibleWaitMs: visibility.waitedMs, moves };
}

function settleNotRun({ ticket }: Settling, retry: NotRun, stamp: string): Attempt {
  if (retry.isStale) ticket.noteBroken(stamp);
  return { kind: 'retry', ...retry };
}

/** The states that the node reported, matched by position to the names that were sent: its own names are not used. */
function expectedFiles(paths: readonly string[], states: readonly FileState[]): ExpectedFile[] {
  return paths.map((path, index) => ({ path, ...(states[index] ?? { present: false }) }));
}

/**
 * True for success without an object, or with an older object left untouched. No distributed compile ends this way
 * legitimately, and make would go on with whatever is there.
 */
function lacksObject(
  { outputs }: CompilePlan,
  staged: StagedOutputs | undefined,
  states: readonly FileState[],
): boolean {
  const [object] = outputs;
  const [state] = states;
  // The driver writes to a device through its own name, and what the node has under that name means nothing.
  if (object?.role !== 'object' || object.path.startsWith('/dev/')) return false;
  return !state?.present || (staged?.isRemade[0] === true && state.sizeBytes === 0n);
}

/** Outcome of an attempt that lost to another; only staged attempts have rivals. */
const BEATEN: Attempt = { kind: 'retry', reason: 'slow-there', elsewhere: true, isRevoked: true };

/** Removes what a lost node wrote, or is still writing. */
async function leaveBehind({ staged, shim }: Settling, paths: readonly string[], fencedAtMs: number): Promise<void> {
  const fenced = delay(Math.max(0, fencedAtMs - performance.now()), undefined, { ref: false });
  if (staged) {
    // The compiler may still create its output: garbage at worst, under a name that no other file has.
    void removeRegularFiles(paths).then(async () => {
      await fenced;
      await removeRegularFiles(paths);
    });
    return;
  }
  // Under the outputs' own names, the compiler may write until its worker has certainly killed it; an earlier retry
  // would race for the object.
  await Promise.race([fenced, shim.closed]);
  await removeRegularFiles(paths);
}

/** A compile that succeeded before the signal arrived has no outputs on this host either: report it as killed. */
function endBySignal(termination: Termination, { signal }: Stops): Termination {
  return signal !== undefined && isSuccess(termination) ? { kind: 'signalled', signal } : termination;
}

function isSuccess(termination: Termination): boolean {
  return termination.kind === 'exited' && termination.code === 0;
}

function endOf(report: WorkerReport, output: Printed): EndOnNode {
  return {
    termination: report.termination,
    stderr: plainText(beginningAndEnd(output)),
    cpuUs: report.cpuUserUs + report.cpuSystemUs,
  };
}
