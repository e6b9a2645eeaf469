/**
 * Waiting for somebody else, by a clock that runs only while this process can look. On a host short of CPU time seconds
 * pass between two turns of the event loop, and the answer lies there unread: the silence is then our own.
 */

/** Each part lets the event loop come to whatever has arrived. */
const PARTS = 10;

/**
 * Calls `onOver` when `ms` have passed, of which a turn of the event loop that took longer counts as a tenth.
 * @returns what ends the wait; `onOver` is not called after it
 */
export function outOfPatience(ms: number, onOver: () => void): () => void {
  let left = PARTS;
  let immediate: NodeJS.Immediate | undefined;
  const waitOn = (): NodeJS.Timeout =>
    setTimeout(() => {
      left -= 1;
      if (left > 0) timer = waitOn();
      // What came during the last part is looked at between the timers and this.
      else immediate = setImmediate(onOver);
    }, ms / PARTS);
  let timer = waitOn();
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

let lastTurn: Promise<void> = Promise.resolve();

/**
 * Resolves in a turn of the event loop that nobody else who asks here is given: of many things begun at once, those
 * begun first then move on while the others wait, instead of all ending at the end.
 */
export function ownTurn(): Promise<void> {
  lastTurn = lastTurn.then(() => new Promise((resolve) => setImmediate(resolve)));
  return lastTurn;
}
