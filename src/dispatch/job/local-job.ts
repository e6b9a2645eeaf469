/** Jobs that run on this host, at once or with a local slot. Unaware of the reason. */
import type { JobSlots } from '../scheduling/job-slots.ts';
import type { JobLife, JobReason } from './life.ts';

/** What a local job needs. */
export interface LocalJobInput {
  readonly life: JobLife;
  readonly slots: JobSlots;
  /** The job's rank in the queue, see QueuedJob. */
  readonly rankMs: number;
}

/** How a local job runs, see LocalPlan. */
export interface LocalRun {
  readonly reason: JobReason;
  /** What the reason is about. */
  readonly detail?: string | undefined;
  /** A `free` job never waits for a slot. */
  readonly slot: 'counted' | 'free';
}

/** Resolves when the job is over. */
export async function runLocal({ life, slots, rankMs }: LocalJobInput, run: LocalRun): Promise<void> {
  if (run.slot === 'free') {
    await life.runLocally(run.reason, 0, run.detail);
    return;
  }
  const place = await life.waitForSlot(slots, { failed: NO_NODES, isRemotePossible: false, rankMs });
  if (!place) return;
  try {
    await life.runLocally(run.reason, 0, run.detail);
  } finally {
    slots.release(place);
  }
}

const NO_NODES: ReadonlySet<string> = new Set();
