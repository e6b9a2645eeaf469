/**
 * Waiting for somebody else, by a clock that runs only while this process can look. On a host short of CPU time seconds
 * pass between two turns of the event loop, and the answer lies there unread: the silence is then our own.
 */

/** A turn of the event loop counts as no more than this; each lets it come to whatever has arrived. */
const LONGEST_PART_MS = 250;
const LEAST_PARTS = 10;

/**
 * Calls `onOver` once, when `ms` have passed, of which no turn of the event loop counts as more than a part.
 * @returns what ends the wait; `onOver` is not called after it
 */
export function outOfPatience(ms: number, onOver: () => void): () => void {
  const parts = Math.max(LEAST_PARTS, Math.ceil(ms / LONGEST_PART_MS));
  let left = parts;
  let immediate: NodeJS.Immediate | undefined;
  const waitOn = (): NodeJS.Timeout =>
    setTimeout(() => {
      left -= 1;
      if (left > 0) timer = waitOn();
      // What came during the last part is looked at between the timers and this.
      else immediate = setImmediate(onOver);
    }, ms / parts);
  let timer = waitOn();
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}
