/**
 * Watches directories on this host by inotify(7): one callback for each name that comes, goes or is moved in one of
 * them. Contents do not count: open(2) asks an NFS server about those anyway. Unaware of why anybody wants to know.
 */
import { statSync, watch, type FSWatcher } from 'node:fs';
import { basename } from 'node:path';

/** Well below what one user may have (fs.inotify.max_user_watches: 8,192 on small machines). */
const MAX_WATCHES = 4_096;
/** What compilers, kbuild and pmake write beside sources all the time, and nobody includes. */
const NEVER_INCLUDED = /^\.pmake-|\.(o|d|a|lo|obj|cmd|dwo|su|gcno)$/;

export class WatchedDirectories {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #onChange: (directory: string, name: string) => void;
  readonly #onGone: (directory: string) => void;

  /** @param onGone watching the directory has ended: it was removed or moved, or there may be another by its name */
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

  /** False when it cannot be watched: it is not there, or there are too many. */
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
    // Of itself a directory speaks by its own name, as of one in it that is called the same.
    if (name === basename(directory)) this.#end(directory);
    else if (mayBeIncluded(name)) this.#onChange(directory, name);
  }

  #end(directory: string): void {
    this.remove(directory);
    this.#onGone(directory);
  }
}

/** False for what nobody includes, by its name without directory. */
export function mayBeIncluded(name: string): boolean {
  return !NEVER_INCLUDED.test(name);
}

export function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false;
  }
}
