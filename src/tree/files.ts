/**
 * The few file operations that coherence rests on: stamps of regular files, and removing what a dead job left.
 * Unaware of jobs and nodes.
 */
import { lstatSync, statSync, type BigIntStats } from 'node:fs';
import { stat, unlink } from 'node:fs/promises';
import type { FileStamp, FileState } from '../protocol/worker.ts';
import { openRegularFile } from './regular-file.ts';

/**
 * The file as stat(2) shows it now, or undefined when it is missing or no regular file. One system call, no
 * revalidation. Blocking on purpose: for one cached inode a trip through the thread pool costs ten times the call.
 */
export function stampNow(path: string): FileStamp | undefined {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats?.isFile() ? toStamp(path, stats) : undefined;
  } catch {
    // ESTALE and the like are a file server's moments; EACCES and ELOOP are for the compiler to report.
    return undefined;
  }
}

/**
 * The file as open(2) and fstat(2) show it: on NFS, opening asks the server where stat alone answers from a cache
 * (close-to-open, nfs(5)). Undefined when it is missing or no regular file.
 */
export async function stampOpened(path: string): Promise<FileStamp | undefined> {
  try {
    const file = await openRegularFile(path);
    if (!file) return undefined;
    try {
      return toStamp(path, await file.stat({ bigint: true }));
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** What a job left at `path`. */
export async function fileState(path: string): Promise<FileState> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats?.isFile() ? { present: true, sizeBytes: stats.size, mtimeNs: stats.mtimeNs } : { present: false };
}

/** A file's size and time, by which one version of it is told from another. */
type Version = Pick<FileStamp, 'sizeBytes' | 'mtimeNs'>;

export function isSameStamp(one: Version, other: Version): boolean {
  return one.sizeBytes === other.sizeBytes && one.mtimeNs === other.mtimeNs;
}

/** Stale means older: a file that somebody wrote again since is no reason to wait. */
export function isAsFresh(seen: Version, written: Version): boolean {
  return seen.mtimeNs > written.mtimeNs || isSameStamp(seen, written);
}

/**
 * Removes what a job that died may have half written. Only regular files, ever: kbuild compiles with `-o /dev/null`,
 * and cleaning up there as root would take the machine's /dev/null away.
 */
export async function removeRegularFiles(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if (!isRegularFile(path)) continue;
    // Gone meanwhile or not ours to remove: the retry will say so in the compiler's own words.
    await unlink(path).catch(() => undefined);
  }
}

/** Of the name itself: a link to a file is no regular file. */
function isRegularFile(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false;
  }
}

function toStamp(path: string, stats: BigIntStats): FileStamp {
  return { path, sizeBytes: stats.size, mtimeNs: stats.mtimeNs };
}
