/**
 * As many jobs at once as the cluster has slots for, while make runs: nodes come, go and get busy, and the file server may
 * be behind. Unaware of how make is told.
 */
import type { BuildSlots } from '../protocol/control.ts';
import { jobsForSlots } from './jobs.ts';
import type { Jobserver } from './jobserver.ts';

/** A node that joins has work within this and a job's way to it. */
const LOOK_MS = 500;

/** @param look undefined when nobody knows any more; then the number stays. Returns what ends it. */
export function followSlots(
  server: Pick<Jobserver, 'setJobs'>,
  look: () => Promise<BuildSlots | undefined>,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const next = (): void => {
    timer = setTimeout(() => {
      void look().then((slots) => {
        if (isStopped || slots === undefined) return;
        server.setJobs(jobsForSlots(slots));
        next();
      });
    }, LOOK_MS);
    // make keeps the process alive.
    timer.unref();
  };
  next();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
