/**
 * Looks, while slots idle, whether jobs on nodes are late, and has them started a second time. Unaware of what that takes.
 */
import { lateJobs, type RunningThere } from './stragglers.ts';

/** A lease that was asked for at one look is still held at the next. */
const LOOK_MS = 400;

export interface TailWatchOptions {
  readonly waiting: () => number;
  readonly running: () => readonly RunningThere[];
  /** Slots on nodes that jobs could have now. */
  readonly free: () => number;
  readonly startSecond: (id: number) => void;
}

export class TailWatch {
  readonly #options: TailWatchOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TailWatchOptions) {
    this.#options = options;
  }

  /** A slot became free. */
  note(): void {
    if (this.#timer || this.#options.waiting() > 0) return;
    // Jobs keep the process, not this.
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
