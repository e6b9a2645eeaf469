/**
 * Writes in flight: the files that this host's builds are writing, and the jobs that wait for them. A link or archive
 * step waits only for objects that a job in flight writes; for any other missing file, ld reports its own error at
 * once. Pure but for the promises it settles.
 */
import { normalize } from 'node:path';
import { deferred, type Deferred } from '../../util/deferred.ts';

/** Files that jobs are writing, and jobs held for them. */
export class WritesInFlight {
  /** Normalised path → the jobs that write it. */
  readonly #writers = new Map<string, Set<number>>();
  readonly #waiters = new Set<{
    readonly self: number;
    readonly paths: readonly string[];
    readonly done: Deferred<undefined>;
  }>();

  begin(job: number, outputs: readonly string[]): void {
    for (const path of outputs.map(normalize)) {
      const writers = this.#writers.get(path) ?? new Set<number>();
      this.#writers.set(path, writers.add(job));
    }
  }

  end(job: number, outputs: readonly string[]): void {
    for (const path of outputs.map(normalize)) {
      const writers = this.#writers.get(path);
      writers?.delete(job);
      if (writers?.size === 0) this.#writers.delete(path);
    }
    for (const waiter of this.#waiters) {
      if (this.pending(waiter.self, waiter.paths).length > 0) continue;
      this.#waiters.delete(waiter);
      waiter.done.resolve(undefined);
    }
  }

  /** Those of `paths` that a job older than `self` is writing. Waiting only for older jobs rules out deadlock. */
  pending(self: number, paths: readonly string[]): string[] {
    return paths.filter((path) => this.writer(self, path) !== undefined);
  }

  /** The job older than `self` that writes `path`. */
  writer(self: number, path: string): number | undefined {
    const writers = this.#writers.get(normalize(path));
    return writers && [...writers].find((writer) => writer < self);
  }

  /** Resolves when no older job writes any of `paths`. */
  settled(self: number, paths: readonly string[]): Promise<undefined> {
    if (this.pending(self, paths).length === 0) return Promise.resolve(undefined);
    const done = deferred<undefined>();
    this.#waiters.add({ self, paths, done });
    return done.promise;
  }
}
