/**
 * Outputs that this worker writes under temporary names from its dispatcher, until the dispatcher has had time to move
 * them into place. If the dispatcher dies first, only the worker knows the names and can remove them.
 * Unaware of processes and of the connection.
 */
import { unlink } from 'node:fs/promises';
import { WORKER_SILENCE_LIMIT_MS, type WorkerJob } from '../../protocol/worker.ts';

/** A live dispatcher moves a file milliseconds after the report; one that is silent for half of this is dead. */
const COLLECTED_AFTER_MS = 2 * WORKER_SILENCE_LIMIT_MS;

/** The outputs of running jobs, and of jobs that were reported recently. */
export class Uncollected {
  readonly #running = new Map<number, readonly string[]>();
  readonly #reported: { readonly paths: readonly string[]; readonly atMs: number }[] = [];

  /** Records a job that begins. Outputs with their final names must not be removed by the worker. */
  begin({ id, outputs, isStaged }: Pick<WorkerJob, 'id' | 'outputs' | 'isStaged'>): void {
    this.#running.set(id, isStaged ? outputs : []);
  }

  /** Records that the dispatcher is told of the job's end. `nowMs` is from a monotonic clock. */
  report(id: number, nowMs: number): void {
    while (this.#reported[0] && nowMs - this.#reported[0].atMs > COLLECTED_AFTER_MS) this.#reported.shift();
    const paths = this.#running.get(id) ?? [];
    this.#running.delete(id);
    if (paths.length > 0) this.#reported.push({ paths, atMs: nowMs });
  }

  /** Removes the outputs. Never rejects: most of them have been moved meanwhile. */
  async remove(): Promise<void> {
    const paths = [...this.#running.values(), ...this.#reported.map((job) => job.paths)].flat();
    await Promise.all(paths.map((path) => unlink(path).catch(() => undefined)));
  }
}
