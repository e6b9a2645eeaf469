/**
 * Compiles that may run on a node: each waits for a slot, local or remote, and is retried until a result counts.
 * Unaware of how nodes are reached.
 */
import type { CompilePlan } from '../../command/plan.ts';
import { JOB_NICENESS } from '../../protocol/runner.ts';
import { stampNow } from '../../tree/files.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import { isTooLong } from './job-size.ts';
import type { JobReason } from './life.ts';
import { runLocal, type LocalJobInput } from './local-job.ts';
import type { RemoteRuns } from './remote-runs.ts';

/** What a compile needs. */
export interface CompileJobInput extends LocalJobInput {
  readonly runs: RemoteRuns;
  readonly environment: KnownEnvironment;
}

/** Resolves when the job is over. */
export async function runCompile(input: CompileJobInput, plan: CompilePlan): Promise<void> {
  const { life, slots, rankMs, runs } = input;
  const mustStay = isTooLong(plan, input.environment) ? 'too-long' : noteSources(plan, runs);
  if (mustStay) {
    await runLocal(input, { reason: mustStay, slot: 'counted' });
    return;
  }
  for (;;) {
    const place = await life.waitForSlot(slots, { failed: runs.failed, isRemotePossible: runs.isPossible, rankMs });
    if (!place) return;
    if (place.kind === 'local') {
      try {
        await runLocally(input);
      } finally {
        slots.release(place);
      }
      return;
    }
    const { attempt, node } = await runs.run(plan, place);
    if (attempt.kind === 'abandoned') return;
    if (attempt.kind === 'finished' && (await runs.finish(plan, node, attempt))) return;
  }
}

/** Local if a source is missing: the compiler's own message is best produced on this host. */
function noteSources(plan: CompilePlan, runs: RemoteRuns): JobReason | undefined {
  const stamps = plan.sources.map(stampNow);
  runs.sourceBytes = Number(stamps[0]?.sizeBytes ?? 0n);
  return stamps.includes(undefined) ? 'source-not-a-file' : undefined;
}

async function runLocally({ life, slots, runs }: CompileJobInput): Promise<void> {
  const own = runs.localReason;
  const because: { readonly reason: JobReason; readonly detail?: string } = own ? { reason: own } : slots.whyNoNode();
  // As on nodes, make, the linker and the dispatcher take precedence over compiles, because all compiles wait for them.
  // If no node takes work off this host, there is no reason to yield.
  const isAlone = because.reason === 'no-nodes' || because.reason === 'nodes-unfit';
  await life.runLocally(because.reason, isAlone ? 0 : JOB_NICENESS, because.detail);
}
