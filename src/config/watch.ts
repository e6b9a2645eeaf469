/**
 * Says when a configuration file was made, changed or removed, also when its directory comes later.
 * Unaware of what is in it. Edits made on another machine of a network file system go unseen: that kernel says nothing.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { watch } from 'chokidar';

/** Editors write, rename and set modes in one go: one edit, one call. */
const SETTLE_MS = 100;

export interface ConfigWatch {
  /** Resolves when watching has begun: later edits are seen. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** Calls `onChange` after an edit has settled; once for a burst of changes. */
export function watchConfig(files: readonly string[], onChange: () => void): ConfigWatch {
  // A file that an editor replaces, or that does not exist yet, is only seen through its directory.
  const roots = new Set(files.map(nearestDirectory));
  const wanted = new Set(files.flatMap(withAncestors));
  const watcher = watch([...roots], { ignoreInitial: true, ignored: (path: string) => !wanted.has(path) });
  let timer: NodeJS.Timeout | undefined;
  watcher.on('all', (_event, path) => {
    if (!files.includes(path)) return;
    clearTimeout(timer);
    timer = setTimeout(onChange, SETTLE_MS);
  });
  // Out of watches, or a directory that went away: the old values simply stay.
  watcher.on('error', () => undefined);
  return {
    // Where nothing can be watched, `ready` may never come.
    ready: new Promise((resolve) => watcher.once('ready', resolve).once('error', () => resolve())),
    close: async () => {
      clearTimeout(timer);
      await watcher.close();
    },
  };
}

function nearestDirectory(file: string): string {
  let directory = dirname(file);
  while (!existsSync(directory) && directory !== dirname(directory)) directory = dirname(directory);
  return directory;
}

function withAncestors(file: string): string[] {
  const parent = dirname(file);
  return parent === file ? [file] : [file, ...withAncestors(parent)];
}
