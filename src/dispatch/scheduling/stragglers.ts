/**
 * The end of a build: slots idle, and a few jobs take longer than they should, on a node that is slow, paused or used by
 * others. Which of them are started a second time elsewhere. Pure; unaware of how, and of what becomes of the first.
 */

/** Shorter ones are not worth a second compile. */
const LEAST_MS = 2_000;
/** Times what it was expected to take. */
const LATE_FACTOR = 2;

export interface RunningThere {
  readonly id: number;
  /** How long it has been running, ms. */
  readonly forMs: number;
  /** How long it was expected to, ms; undefined where nothing is known. */
  readonly expectedMs: number | undefined;
}

/**
 * The latest first, no more than there are free slots. None while jobs wait, or while fewer slots are free than jobs run:
 * a build in full swing has better use for them.
 */
export function lateJobs(
  running: readonly RunningThere[],
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
