/**
 * Revalidation of directories that the dispatcher reports as changed, before any job starts that arrived with or after
 * that report. Unaware of what jobs are.
 */
import { lookAgain } from '../../tree/look-again.ts';

/** The revalidations that are in flight. */
export class ChangedDirectories {
  readonly #looks = new Set<Promise<unknown>>();

  /** Resolves when `paths`, and those of all earlier calls, have been revalidated. */
  async settled(paths: readonly string[]): Promise<void> {
    if (paths.length > 0) {
      // Every path is revalidated again, because a revalidation in flight may have begun before the change.
      const look: Promise<unknown> = Promise.all(paths.map(lookAgain)).finally(() => this.#looks.delete(look));
      this.#looks.add(look);
    }
    await Promise.all(this.#looks);
  }
}
