/**
 * Many things begun at once, each of some turns of the event loop: begun one a turn, the first move on while the others
 * wait, instead of all ending at the end.
 */

let last: Promise<void> = Promise.resolve();

/** Resolves in a turn of the event loop that nobody else who asks here is given. */
export function ownTurn(): Promise<void> {
  last = last.then(() => new Promise((resolve) => setImmediate(resolve)));
  return last;
}
