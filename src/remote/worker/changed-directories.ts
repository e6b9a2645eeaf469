/**
 * Directories that the dispatcher says have changed, looked at again before jobs start that came with or after the
 * word of it. Unaware of what jobs are.
 */
import { lookAgain } from '../../tree/look-again.ts';

export class ChangedDirectories {
  readonly #looks = new Set<Promise<unknown>>();

  /** Resolves when `paths`, and all that earlier calls named, have been looked at. */
  async settled(paths: readonly string[]): Promise<void> {
    if (paths.length > 0) {
      // Each anew: a look that is under way may have begun before the change.
      const look: Promise<unknown> = Promise.all(paths.map(lookAgain)).finally(() => this.#looks.delete(look));
      this.#looks.add(look);
    }
    await Promise.all(this.#looks);
  }
}
