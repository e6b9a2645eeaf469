/**
 * As many jobs at once as the cluster has slots for, while make runs: nodes come, go and get busy, and the file server may
 * be behind. Unaware of how make is told.
 */
import type { BuildSlots } from '../../protocol/control.ts';
import { jobsForSlots } from './jobs.ts';
import type { Jobserver } from './jobserver.ts';

/** A node that joins has work within the second of these and a job's way to it; soon after the start they all join. */
const LOOK_MIN_MS = 250;
const LOOK_MAX_MS = 2_000;

/** @param look undefined when nobody knows any more; then the number stays. Returns what ends it. */
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
    // make keeps the process alive.
    timer.unref();
  };
  next();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
