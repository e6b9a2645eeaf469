/**
 * Stragglers at the end of a build: slots are idle while a few jobs take longer than they should, on a node that is
 * slow, paused or used by others. Selects those to start a second time elsewhere. Pure; unaware of how that is done,
 * and of what happens to the first attempt.
 */

/** Shorter jobs are not worth a second compile. */
const LEAST_MS = 2_000;
/** A job is late at this multiple of its expected duration. */
const LATE_FACTOR = 2;

/** A job that runs on a node. */
export interface RunningRemotely {
  readonly id: number;
  /** How long the job has been running, ms. */
  readonly forMs: number;
  /** How long the job was expected to run, ms; undefined if nothing is known. */
  readonly expectedMs: number | undefined;
}

/**
 * Ids of the jobs to start again, the most overdue first, at most one for each free slot. Empty while jobs wait, or
 * while fewer slots are free than jobs run: a build in full swing has better uses for slots.
 */
export function lateJobs(
  running: readonly RunningRemotely[],
  slots: { readonly free: number; readonly waiting: number },
): readonly number[] {
  if (slots.waiting > 0 || slots.free < running.length) return [];
  return running
    .filter(({ expectedMs }) => expectedMs !== undefined)
    .map(({ id, forMs, expectedMs = 0 }) => ({ id, overMs: forMs - Math.max(LEAST_MS, LATE_FACTOR * expectedMs) }))
    .filter(({ overMs }) => overMs > 0)
    .toSorted((one, other) => other.overMs - one.overMs)
    .map(({ id }) => id);
}
