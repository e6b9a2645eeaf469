/**
 * One attempt at one compile on one node: sends it, again if that is known to help, and settles it. Unaware of queues,
 * of other attempts and of what the shim is told in the end.
 */
import type { Attempt, AttemptInput } from './attempt.ts';
import { isNameLeft, missedOnNode, release, runOnNode } from './node-run.ts';
import { settle } from './settle.ts';

/** Runs the compile on the node. Node and compiler failures are outcomes, never rejections. */
export async function attemptOnNode(input: AttemptInput): Promise<Attempt> {
  const { shim, shipment, entrant: entrant } = input;
  let { plan } = input;
  // Its node may be cut off: remove what it has written so far without waiting for that to be known.
  void entrant.beaten.then(() => shipment.discard());
  let run = await runOnNode(input, plan);
  if (run && (await shipment.isSourceNewer(run.end))) run = await runOnNode(input, plan);
  if (run && plan.paths === 'absolute' && isNameLeft(run)) {
    // A path that was made absolute is in the object. The user's own paths do no harm.
    release(run);
    plan = { ...plan, paths: 'auto' };
    run = await runOnNode(input, plan);
  }
  const missed = run ? missedOnNode(input, run) : [];
  if (run && missed.length > 0 && (await shipment.lookAgain(missed, shim.closed))) {
    input.onLate();
    release(run);
    run = await runOnNode(input, plan);
  }
  input.onNodeDone();
  if (!run) return { kind: 'retry', reason: 'paths-not-mapped', elsewhere: true };
  const attempt = await settle(input, run.end, run.stops);
  if (attempt.kind === 'finished' && !shim.isClosed) return attempt;
  release(run);
  if (!shim.isClosed) return attempt;
  if (attempt.kind === 'finished') await shipment.discard();
  return { kind: 'abandoned' };
}
