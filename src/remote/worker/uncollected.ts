/**
 * What this worker writes under names that its dispatcher gave each attempt, until the dispatcher has had the time to
 * move it to where make looks: a dispatcher that dies first never does, and nobody else knows the names.
 * Unaware of processes and of the connection.
 */
import { unlink } from 'node:fs/promises';
import { WORKER_SILENCE_LIMIT_MS, type WorkerJob } from '../../protocol/worker.ts';

/** A dispatcher that lives moves a file milliseconds after the report; one that is silent for half of this is dead. */
const COLLECTED_AFTER_MS = 2 * WORKER_SILENCE_LIMIT_MS;

export class Uncollected {
  readonly #running = new Map<number, readonly string[]>();
  readonly #reported: { readonly paths: readonly string[]; readonly atMs: number }[] = [];

  /** A job that begins. Outputs that have their names for good are not the worker's to remove. */
  begin({ id, outputs, isStaged }: Pick<WorkerJob, 'id' | 'outputs' | 'isStaged'>): void {
    this.#running.set(id, isStaged ? outputs : []);
  }

  /** The dispatcher is told of the job's end now, by a monotonic clock. */
  report(id: number, nowMs: number): void {
    while (this.#reported[0] && nowMs - this.#reported[0].atMs > COLLECTED_AFTER_MS) this.#reported.shift();
    const paths = this.#running.get(id) ?? [];
    this.#running.delete(id);
    if (paths.length > 0) this.#reported.push({ paths, atMs: nowMs });
  }

  /** Never rejects. What has been moved meanwhile, as most has, is not there any more. */
  async remove(): Promise<void> {
    const paths = [...this.#running.values(), ...this.#reported.map((job) => job.paths)].flat();
    await Promise.all(paths.map((path) => unlink(path).catch(() => undefined)));
  }
}
