/**
 * Waits until files that a node wrote are visible on this host as the node saw them.
 *
 * Most outputs have names that have never been looked up (dispatch/delivery/staged-outputs.ts), and are visible at once. The
 * names of the others have been looked up by make before they were built, so this host's NFS client has a negative
 * cache entry for each. Measured on Linux with default options, stat and even open still failed with ENOENT 26 s after
 * the node's close. Opening the parent directory first revalidates it, and the file is visible at once. If an object is
 * rewritten in place, stat shows its old attributes for seconds while open + fstat show the new ones, with an
 * occasional transient ESTALE or ENOENT. On a local file system the first stat succeeds.
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

/** A file as seen by the node that wrote it. */
export type ExpectedFile = FileState & { readonly path: string };

/** The outcome of waiting. */
export type Visibility =
  | { readonly kind: 'visible'; readonly waitedMs: number }
  /** `path` did not look as the node saw it within the limit. */
  | { readonly kind: 'timed-out'; readonly path: string; readonly waitedMs: number };

/** Resolves when all of `files` are visible, or after `limitMs`. Files that the job did not leave must be absent. */
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
