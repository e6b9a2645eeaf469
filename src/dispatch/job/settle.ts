/**
 * The end of a run on a node, put into effect on this host: outputs are waited for, or removed; a lost node is fenced.
 * Unaware of how the job was sent.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { CompilePlan } from '../../command/plan.ts';
import type { FileState } from '../../protocol/worker.ts';
import type { Termination } from '../../protocol/termination.ts';
import type { RemoteEnd } from '../../remote/node-link.ts';
import { removeRegularFiles } from '../../tree/files.ts';
import { waitVisible, type ExpectedFile } from '../../tree/visible.ts';
import { BEATEN, type Attempt, type AttemptInput } from './attempt.ts';
import { findTrouble } from './node-fault.ts';
import { endOf, isSuccess } from './node-run.ts';
import { notRun, type NotRun } from './not-run.ts';
import { withOwnNames } from '../delivery/own-names.ts';
import { movesFor, type StagedOutputs } from '../delivery/staged-outputs.ts';
import type { Stops } from './stops.ts';

/** What settling needs. */
export interface Settling extends AttemptInput {
  readonly staged: StagedOutputs | undefined;
  /** The outputs' names on the node. */
  readonly stagedThere: readonly string[];
}

/** Puts the end of a run into effect on this host: waits for its outputs, or removes them. */
export async function settle(input: Settling, end: RemoteEnd, stops: Stops): Promise<Attempt> {
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
  const refusal = stops.signal !== undefined ? undefined : await input.ticket.verdict(input.shim.closed);
  if (refusal) {
    if (staged) await discard();
    const reason = refusal.reason === 'no-answer' ? 'node-not-checked' : 'node-differs';
    return { kind: 'retry', reason, elsewhere: true, isStale: true };
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
