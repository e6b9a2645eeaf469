/**
 * Adjustment of make's number of concurrent jobs to the cluster's slots while make runs: nodes join, leave and get
 * busy, and the file server may throttle the build. Unaware of how make is told.
 */
import type { BuildSlots } from '../../protocol/control.ts';
import { jobsForSlots } from './jobs.ts';
import type { Jobserver } from './jobserver.ts';

/**
 * The poll interval bounds how long a new node waits for work. It starts short, because all nodes join soon after the
 * start, and doubles while the number does not change.
 */
const LOOK_MIN_MS = 250;
const LOOK_MAX_MS = 2_000;

/**
 * Returns the function that stops it.
 * @param look - resolves to undefined when the dispatcher no longer answers; the number of jobs then stays as it is.
 */
export function followSlots(
  server: Pick<Jobserver, 'setJobs'>,
  look: () => Promise<BuildSlots | undefined>,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let jobs = 0;
  let lookMs = LOOK_MIN_MS;
  const next = (): void => {
    timer = setTimeout(() => {
      void look().then((slots) => {
        if (isStopped || slots === undefined) return;
        const now = jobsForSlots(slots);
        lookMs = now === jobs ? Math.min(LOOK_MAX_MS, 2 * lookMs) : LOOK_MIN_MS;
        jobs = now;
        server.setJobs(jobs);
        next();
      });
    }, lookMs);
    // The running make keeps this process alive.
    timer.unref();
  };
  next();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
