/**
 * Says when a configuration file was made, changed or removed, also when its directory comes later, something else was in
 * its place, or the edit was made on another machine of a network file system, of which the kernel here says nothing.
 * Unaware of what is in it.
 */
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** A few stats. Editors write, rename and set modes in one go: mostly that is one edit, and one call. */
const LOOK_MS = 500;

export interface ConfigWatch {
  /** Resolves when watching has begun: later edits are seen. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** Calls `onChange` soon after an edit; once for a burst of changes. Keeps no process running. */
export function watchConfig(files: readonly string[], onChange: () => void): ConfigWatch {
  const closing = new AbortController();
  const first = lookAt(files);
  const ended = watch(files, first, onChange, closing.signal);
  return {
    ready: first.then(() => undefined),
    close: async () => {
      closing.abort();
      await ended;
    },
  };
}

async function watch(
  files: readonly string[],
  first: Promise<string>,
  onChange: () => void,
  closing: AbortSignal,
): Promise<void> {
  let seen = await first;
  while (await pause(closing)) {
    // One look at a time: a file server that does not answer is not asked again meanwhile.
    const now = await lookAt(files);
    if (now === seen || closing.aborted) continue;
    seen = now;
    onChange();
  }
}

/** False when it is over. */
async function pause(closing: AbortSignal): Promise<boolean> {
  await delay(LOOK_MS, undefined, { ref: false, signal: closing }).catch(() => undefined);
  return !closing.aborted;
}

async function lookAt(files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map(stampOf))).join('\n');
}

async function stampOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mode, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [dev, ino, size, mode, mtimeNs, ctimeNs].join();
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code ?? String(cause);
  }
}
