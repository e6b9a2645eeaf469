/** Looks for stragglers while slots are idle, and has them started a second time. Unaware of how that is done. */
import { lateJobs, type RunningRemotely } from './stragglers.ts';

/** Short enough that a lease requested at one look is still held at the next. */
const LOOK_MS = 400;

/** What the watch observes and starts. */
export interface TailWatchOptions {
  readonly waiting: () => number;
  readonly running: () => readonly RunningRemotely[];
  /** Free slots on nodes. */
  readonly free: () => number;
  readonly startSecond: (id: number) => void;
}

/** Timer that looks for stragglers while slots become free. */
export class TailWatch {
  readonly #options: TailWatchOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TailWatchOptions) {
    this.#options = options;
  }

  /** A slot became free. */
  note(): void {
    if (this.#timer || this.#options.waiting() > 0) return;
    // The timer must not keep the process alive: the jobs do.
    this.#timer = setTimeout(() => this.#look(), LOOK_MS).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    this.#timer = undefined;
    const { waiting, running, free, startSecond } = this.#options;
    const jobs = running();
    if (jobs.length === 0 || waiting() > 0) return;
    for (const id of lateJobs(jobs, { free: free(), waiting: 0 })) startSecond(id);
    this.note();
  }
}
