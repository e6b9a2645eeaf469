/**
 * Watches configuration files for creation, changes and removal. It polls, because the edit may be made on another
 * machine of a network file system, which the local kernel does not notify; polling also covers a directory that is
 * created later, and a file that replaces something else. Unaware of the contents.
 */
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Costs a few stats. Editors write, rename and set modes in quick succession; that usually counts as one edit, and
 * makes one call.
 */
const LOOK_MS = 500;

/** A running watch. */
export interface ConfigWatch {
  /** Resolves when later edits will be noticed. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** Calls `onChange` soon after an edit, once for a burst of changes. Does not keep the process alive. */
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
    // One poll at a time: a file server that does not answer gets no further requests.
    const now = await lookAt(files);
    if (now === seen || closing.aborted) continue;
    seen = now;
    onChange();
  }
}

/** False once the watch is closed. */
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
