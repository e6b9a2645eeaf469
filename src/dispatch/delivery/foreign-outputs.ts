/**
 * Files that a build by another host or user is writing in the same tree; the hold waits for these too. They are
 * recognised by the names under which that build stages them (staged-outputs.ts): in the user's private directory, or
 * next to their final places. Unaware of this host's own jobs.
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stampNow } from '../../tree/files.ts';
import { lookAgain } from '../../tree/look-again.ts';
import { hashOfPath, stagedHash, stagedNextTo } from './staged-outputs.ts';

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 500;
/** Per command. A linker's command line implies more files than exist: each library in each `-L` directory. */
const MAX_DIRECTORIES = 64;

/**
 * Looks again for those of `files` that seem to be missing, and waits while other builds are writing them. Resolves
 * with the files that are still being written after `limitMs`.
 * @param privateDirectories in which builds of this user on other hosts may be writing
 * @param isCancelled true once the answer is no longer wanted
 */
export async function awaitOtherBuilds(
  files: readonly string[],
  privateDirectories: readonly string[],
  limitMs: number,
  isCancelled: () => boolean,
): Promise<readonly string[]> {
  const startedMs = performance.now();
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    const made = await beingMade(
      files.filter((path) => stampNow(path) === undefined),
      privateDirectories,
    );
    if (made.length === 0 || isCancelled() || performance.now() - startedMs > limitMs) return made;
    await delay(waitMs);
  }
}

async function beingMade(missing: readonly string[], privateDirectories: readonly string[]): Promise<string[]> {
  if (missing.length === 0) return [];
  const directories = [...new Set(missing.map((path) => dirname(path)))].slice(0, MAX_DIRECTORIES);
  const listed = await Promise.all([...directories, ...privateDirectories].map(namesIn));
  const hashes = new Set(
    listed.slice(directories.length).flatMap((names) => names.flatMap((one) => stagedHash(one) ?? [])),
  );
  const nextTo = listed
    .slice(0, directories.length)
    .map((names) => new Set(names.flatMap((one) => stagedNextTo(one) ?? [])));
  const isBeingMade = (path: string): boolean =>
    nextTo[directories.indexOf(dirname(path))]?.has(basename(path)) === true || hashes.has(hashOfPath(path));
  // Listing the directories may have made some of them visible.
  return missing.filter((path) => stampNow(path) === undefined && isBeingMade(path));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  if (!(await lookAgain(directory))) return [];
  return readdir(directory).catch(() => []);
}
