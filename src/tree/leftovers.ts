/**
 * Removes files that a killed process of this user, or a node that came back late, left in the shared tree. Each
 * directory is scanned when it is first used. Other users' files are left alone, even if this user could remove them.
 * Unaware of the files' purpose.
 */
import { lstat, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Directories remembered as scanned; a large tree has a few thousand. The limit is harmless: later leftovers just stay.
 */
const MAX_SWEPT = 10_000;

/** One kind of leftover. */
export interface LeftoverKind {
  readonly isOne: (name: string) => boolean;
  /** A file whose mtime is older than this is abandoned. */
  readonly abandonedMs: number;
}

/** Scans directories once each. */
export class Leftovers {
  readonly #kind: LeftoverKind;
  readonly #swept = new Set<string>();

  constructor(kind: LeftoverKind) {
    this.#kind = kind;
  }

  /**
   * Resolves when the scan is complete, or at once if it was done before. Never rejects: what cannot be removed stays.
   */
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
      // Gone in the meantime.
    }
  }
}
