/**
 * One attempt at one compile on one node: sends it, again if that is known to help, and settles it. Unaware of queues, of
 * other attempts and of what the shim is told in the end.
 */
import { removeRegularFiles } from '../../tree/files.ts';
import { BEATEN, type Attempt, type AttemptInput } from './attempt.ts';
import { findLate, isNameLeft, isSourceNewer, release, runOnNode } from './node-run.ts';
import { settle } from './settle.ts';
import { stageOutputs } from '../delivery/staged-outputs.ts';

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
  if (run && (await isSourceNewer(run))) run = await runOnNode(input, plan, staged, []);
  if (run && plan.paths === 'absolute' && isNameLeft(run)) {
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
