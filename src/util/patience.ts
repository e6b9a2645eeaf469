/**
 * A timeout for another process's answer, by a clock that runs only while this process can receive it. On a host short
 * of CPU time, seconds pass between two turns of the event loop while the answer is waiting to be read, and the delay
 * is then our own.
 */
import { deferred } from './deferred.ts';

/** A turn of the event loop counts as at most this much; each turn lets the loop read what has arrived. */
const LONGEST_PART_MS = 250;
const LEAST_PARTS = 10;

/**
 * Calls `onOver` once when `ms` have passed, where no turn of the event loop counts as more than one part.
 * @returns a function that cancels the timeout; `onOver` is not called after it
 */
export function startPatientTimer(ms: number, onOver: () => void): () => void {
  const parts = Math.max(LEAST_PARTS, Math.ceil(ms / LONGEST_PART_MS));
  let left = parts;
  let immediate: NodeJS.Immediate | undefined;
  const waitOn = (): NodeJS.Timeout =>
    setTimeout(() => {
      left -= 1;
      if (left > 0) timer = waitOn();
      // Input that arrived during the last part is read between timers and immediates.
      else immediate = setImmediate(onOver);
    }, ms / parts);
  let timer = waitOn();
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

/** Waits for at most `ms`, by the same clock. True if the promise resolved in time. */
export async function endsWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const over = deferred<boolean>();
  const endWait = startPatientTimer(ms, () => over.resolve(false));
  return Promise.race([promise.then(() => true), over.promise]).finally(endWait);
}
