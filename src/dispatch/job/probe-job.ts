/**
 * Option probes: compiles of nothing, by which a build asks what the compiler supports. A shell waits for each probe,
 * so a probe takes a slot only if one is free. Unaware of queues.
 */
import type { CompilePlan } from '../../command/plan.ts';
import type { Move, ShimRequest } from '../../protocol/shim.ts';
import { printedLocally } from '../../remote/job-output.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import type { Question, ProbeMemory } from '../probes/probe-memory.ts';
import type { ProbePlacement } from '../probes/probe-placement.ts';
import type { JobSlots } from '../scheduling/job-slots.ts';
import type { RemoteSlot } from '../slot-source.ts';
import { isTooLong } from './job-size.ts';
import type { JobLife } from './life.ts';
import type { RemoteRuns } from './remote-runs.ts';

/** What an option probe needs. */
export interface ProbeJobInput {
  readonly life: JobLife;
  readonly slots: JobSlots;
  readonly runs: RemoteRuns;
  readonly request: ShimRequest;
  readonly environment: KnownEnvironment;
  readonly probePlacement: ProbePlacement;
  readonly probeMemory: ProbeMemory;
}

/** Resolves when the job is over. */
export async function runProbe(input: ProbeJobInput, plan: CompilePlan): Promise<void> {
  const { life, slots, runs, request, environment, probePlacement } = input;
  const question = input.probeMemory.question(plan, request, environment);
  if (await question?.answer()) {
    life.answer('known-probe', 0, printedLocally());
    return;
  }
  const isForNode = probePlacement.next(question !== undefined) === 'remote' && !isTooLong(plan, environment);
  const slot = isForNode ? slots.acquireNow(runs.failed) : undefined;
  if (slot) await runOnNode(input, plan, slot, question);
  else await life.runLocally('option-probe');
  probePlacement.note(slot ? 'remote' : 'local', performance.now() - life.arrivedMs);
}

async function runOnNode(
  { life, runs }: ProbeJobInput,
  plan: CompilePlan,
  slot: RemoteSlot,
  question: Question | undefined,
): Promise<void> {
  const { attempt, node } = await runs.run(plan, slot);
  switch (attempt.kind) {
    case 'finished':
      await question?.learn({ ...attempt, object: whereIs(plan.outputs[0]?.path ?? '', attempt.moves) });
      if (!(await runs.finish(plan, node, attempt))) await life.runLocally('outputs-not-placed');
      return;
    case 'abandoned':
      return;
    case 'retry':
      await life.runLocally(attempt.reason);
  }
}

/** Where a file is until `moves` are made. */
function whereIs(path: string, moves: readonly Move[]): string {
  const move = moves.find((one) => one.kind === 'move' && one.to === path);
  return move?.kind === 'move' ? move.from : path;
}
