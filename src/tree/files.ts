/**
 * File operations that coherence depends on: stamps of regular files, and removing the leftovers of dead jobs. Unaware
 * of jobs and nodes.
 */
import { lstatSync, statSync, type BigIntStats } from 'node:fs';
import { stat, unlink } from 'node:fs/promises';
import type { FileStamp, FileState } from '../protocol/worker.ts';
import { openRegularFile } from './regular-file.ts';

/**
 * The file as reported by stat(2); undefined if it is missing or not a regular file. It takes one system call and does
 * not revalidate. Deliberately blocking: for one cached inode a round trip through the thread pool costs ten times as
 * much.
 */
export function stampNow(path: string): FileStamp | undefined {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats?.isFile() ? toStamp(path, stats) : undefined;
  } catch {
    // ESTALE and the like are transient on a file server; EACCES and ELOOP are for the compiler to report.
    return undefined;
  }
}

/**
 * The file as reported by open(2) and fstat(2). On NFS, opening asks the server, while stat alone may answer from a
 * cache (close-to-open, nfs(5)). Undefined if it is missing or not a regular file.
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

/** The state of a job's output. */
export async function fileState(path: string): Promise<FileState> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats?.isFile() ? { present: true, sizeBytes: stats.size, mtimeNs: stats.mtimeNs } : { present: false };
}

/** Size and time of a file, which distinguish its versions. */
type Version = Pick<FileStamp, 'sizeBytes' | 'mtimeNs'>;

/** True if both are the same version. */
export function isSameStamp(one: Version, other: Version): boolean {
  return one.sizeBytes === other.sizeBytes && one.mtimeNs === other.mtimeNs;
}

/** Stale means older: there is no need to wait for a file that has been written again since. */
export function isAsFresh(seen: Version, written: Version): boolean {
  return seen.mtimeNs > written.mtimeNs || isSameStamp(seen, written);
}

/**
 * Removes files that a dead job may have left half-written. Only removes regular files: kbuild compiles with `-o
 * /dev/null`, and cleaning that up as root would remove the machine's /dev/null.
 */
export async function removeRegularFiles(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if (!isRegularFile(path)) continue;
    // It may be gone, or not removable: in that case the compiler reports it at the retry.
    await unlink(path).catch(() => undefined);
  }
}

/** Checks the name itself: a link to a file is not a regular file. */
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
