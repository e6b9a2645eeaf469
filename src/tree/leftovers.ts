/**
 * Removes files of a kind that a killed process of this user's, or a node that came back late, left in the shared tree: a
 * directory is looked through when it is first used. Other users' files are theirs to remove, also where this user might.
 * Unaware of what the files were for.
 */
import { lstat, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Directories remembered as looked through; a large tree has some thousands. Nothing rests on it: what comes later stays. */
const MAX_SWEPT = 10_000;

export interface LeftoverKind {
  readonly isOne: (name: string) => boolean;
  /** By its time: one that is older is nobody's any more. */
  readonly abandonedMs: number;
}

export class Leftovers {
  readonly #kind: LeftoverKind;
  readonly #swept = new Set<string>();

  constructor(kind: LeftoverKind) {
    this.#kind = kind;
  }

  /** Resolves when it is done, at once where it was done before. Never rejects: what cannot be removed stays. */
  async sweep(directory: string): Promise<void> {
    if (this.#swept.has(directory)) return;
    if (this.#swept.size >= MAX_SWEPT) this.#swept.clear();
    this.#swept.add(directory);
    const names = await readdir(directory).catch(() => []);
    for (const name of names.filter(this.#kind.isOne)) await this.#removeIfAbandoned(join(directory, name));
  }

  async #removeIfAbandoned(path: string): Promise<void> {
    try {
      const stats = await lstat(path);
      const isOwn = stats.isFile() && stats.uid === process.geteuid?.();
      if (isOwn && Date.now() - stats.mtimeMs > this.#kind.abandonedMs) await unlink(path);
    } catch {
      // Gone meanwhile.
    }
  }
}
