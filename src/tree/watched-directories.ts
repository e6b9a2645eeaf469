/**
 * Watches directories on this host with inotify(7): one callback for each name that is created, removed or moved in one
 * of them. Changes of contents are ignored, because open(2) asks an NFS server about those anyway. Unaware of the
 * watches' purpose.
 */
import { statSync, watch, type FSWatcher } from 'node:fs';
import { basename } from 'node:path';

/** Well below one user's limit (fs.inotify.max_user_watches: 8,192 on small machines). */
const MAX_WATCHES = 4_096;
/** Files that compilers, kbuild and pmake constantly write next to sources, and that are never included. */
const NEVER_INCLUDED = /^\.pmake-|\.(o|d|a|lo|obj|cmd|dwo|su|gcno)$/;

/** A bounded set of watches. */
export class WatchedDirectories {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #onChange: (directory: string, name: string) => void;
  readonly #onGone: (directory: string) => void;

  /**
   * @param onGone - the watch has ended: the directory was removed or moved, and there may be another one with its name
   */
  constructor(onChange: (directory: string, name: string) => void, onGone: (directory: string) => void) {
    this.#onChange = onChange;
    this.#onGone = onGone;
  }

  get isFull(): boolean {
    return this.#watchers.size >= MAX_WATCHES;
  }

  has(directory: string): boolean {
    return this.#watchers.has(directory);
  }

  /** False if it cannot be watched: it does not exist, or there are too many watches. */
  add(directory: string): boolean {
    if (this.#watchers.has(directory)) return true;
    if (this.isFull) return false;
    try {
      const watcher = watch(directory, { persistent: false }, (event, name) => {
        if (event === 'rename' && name !== null) this.#note(directory, name);
      });
      watcher.on('error', () => this.#end(directory));
      this.#watchers.set(directory, watcher);
      return true;
    } catch {
      return false;
    }
  }

  remove(directory: string): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #note(directory: string, name: string): void {
    // inotify reports the directory itself by its own name, which an entry with the same name cannot be told from.
    if (name === basename(directory)) this.#end(directory);
    else if (mayBeIncluded(name)) this.#onChange(directory, name);
  }

  #end(directory: string): void {
    this.remove(directory);
    this.#onGone(directory);
  }
}

/** False for a file that is never included, by its name without directory. */
export function mayBeIncluded(name: string): boolean {
  return !NEVER_INCLUDED.test(name);
}

/** True if the path leads to a directory. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false;
  }
}
