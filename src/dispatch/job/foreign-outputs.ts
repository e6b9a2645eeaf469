/**
 * Files that a build of another host or user is making in the same tree: the hold waits for these as well. Known by what
 * that build's nodes write them as (command/staging.ts), beside where they will be. Unaware of this host's own jobs.
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stampNow } from '../../tree/files.ts';
import { lookAgain } from '../../tree/look-again.ts';
import { stagedNextTo } from './staged-outputs.ts';

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 500;
/** Of one command. A linker's words name more files than there are: each library in each `-L` directory. */
const MAX_DIRECTORIES = 64;

/**
 * Looks again for those of `files` that seem to be missing, and waits while others are making them. Resolves with those
 * that are still being made when `limitMs` is over.
 * @param isCancelled nobody waits for the answer any more
 */
export async function awaitOtherBuilds(
  files: readonly string[],
  limitMs: number,
  isCancelled: () => boolean,
): Promise<readonly string[]> {
  const startedMs = performance.now();
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    const made = await beingMade(files.filter((path) => stampNow(path) === undefined));
    if (made.length === 0 || isCancelled() || performance.now() - startedMs > limitMs) return made;
    await delay(waitMs);
  }
}

async function beingMade(missing: readonly string[]): Promise<string[]> {
  const directories = [...new Set(missing.map(dirname))].slice(0, MAX_DIRECTORIES);
  const staged = await Promise.all(directories.map(stagedIn));
  // Looking may have shown some of them.
  const stillMissing = missing.filter((path) => stampNow(path) === undefined);
  return stillMissing.filter((path) => staged[directories.indexOf(dirname(path))]?.has(basename(path)));
}

/** What will be in `directory`. */
async function stagedIn(directory: string): Promise<ReadonlySet<string>> {
  if (!(await lookAgain(directory))) return new Set();
  const names = await readdir(directory).catch(() => []);
  return new Set(names.flatMap((name) => stagedNextTo(name) ?? []));
}
