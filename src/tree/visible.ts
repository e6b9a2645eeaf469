/**
 * Waits until files that a node wrote are visible on this host as the node saw them.
 *
 * Most outputs come under names that nobody has asked for (command/staging.ts), and are there at the first look. Of the
 * others make has asked for every one before it is built, so this host's NFS client holds a negative entry for each:
 * measured on Linux with default options, stat and even open still said ENOENT 26 s after the node's close. Opening
 * the parent directory first revalidates it, and the file is there at once. An object remade in place shows its old
 * attributes to stat for seconds, its new ones to open + fstat, with a transient ESTALE or ENOENT now and then.
 * On a local file system the first look succeeds and costs one stat.
 *
 * Unaware of jobs and nodes.
 */
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FileState } from '../protocol/worker.ts';
import { isAsFresh, stampNow, stampOpened } from './files.ts';
import { lookAgain } from './look-again.ts';

const FIRST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 200;

/** A file as the node that wrote it saw it. */
export type ExpectedFile = FileState & { readonly path: string };

export type Visibility =
  | { readonly kind: 'visible'; readonly waitedMs: number }
  /** `path` did not look as the node saw it within the limit. */
  | { readonly kind: 'timed-out'; readonly path: string; readonly waitedMs: number };

/** Resolves when every file of `files` is here, or when `limitMs` is over. Files the job did not leave must be absent. */
export async function waitVisible(files: readonly ExpectedFile[], limitMs: number): Promise<Visibility> {
  const startedMs = performance.now();
  const waitedMs = () => performance.now() - startedMs;
  for (const file of files) {
    if (isVisibleNow(file)) continue;
    let waitMs = FIRST_WAIT_MS;
    while (!(await isVisibleOpened(file))) {
      if (waitedMs() > limitMs) return { kind: 'timed-out', path: file.path, waitedMs: waitedMs() };
      await delay(waitMs);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
  }
  return { kind: 'visible', waitedMs: waitedMs() };
}

function isVisibleNow(file: ExpectedFile): boolean {
  const seen = stampNow(file.path);
  return file.present ? seen !== undefined && isAsFresh(seen, file) : seen === undefined;
}

async function isVisibleOpened(file: ExpectedFile): Promise<boolean> {
  await lookAgain(dirname(file.path));
  const seen = await stampOpened(file.path);
  return file.present ? seen !== undefined && isAsFresh(seen, file) : seen === undefined;
}
