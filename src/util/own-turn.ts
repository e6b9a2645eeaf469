/**
 * Staggers many operations that start at once and take several turns of the event loop: starting one per turn lets the
 * first progress while the others wait, so that they do not all finish at the end.
 */

let last: Promise<void> = Promise.resolve();

/** Resolves in a turn of the event loop that is given to this caller only. */
export function ownTurn(): Promise<void> {
  last = last.then(() => new Promise((resolve) => setImmediate(resolve)));
  return last;
}
