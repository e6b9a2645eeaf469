/**
 * Makes this host's NFS client ask the file server for a directory's contents instead of using its cache.
 *
 * For up to a minute (acdirmax, nfs(5)), a client caches that a name did not exist, and which file a name referred to.
 * Measured on Linux 6.1 with default options: stat of the directory does not change that, but opening it does, at the
 * cost of one request; on NFS 4.2 it takes effect at once. The same holds for a file that was renamed over another:
 * without it, open fails with "Stale file handle" (4.2). NFS 3 detects changes by timestamps alone, so two changes
 * within one tick of the server's clock may go unnoticed.
 *
 * On a local file system this costs an open and a close. Unaware of jobs and nodes.
 */
import { opendir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Revalidates a directory. If it seems to be missing, its parents are revalidated first. False if it still does not
 * exist.
 */
export async function lookAgain(directory: string): Promise<boolean> {
  if (await isOpened(directory)) return true;
  const above = dirname(directory);
  return above !== directory && (await lookAgain(above)) && isOpened(directory);
}

/** Revalidates only if a plain stat finds no directory: for directories that should exist. */
export async function lookAgainIfMissing(directory: string): Promise<void> {
  const stats = await stat(directory).catch(() => undefined);
  if (stats?.isDirectory() !== true) await lookAgain(directory);
}

async function isOpened(path: string): Promise<boolean> {
  try {
    const directory = await opendir(path);
    await directory.close();
    return true;
  } catch {
    // Missing, unreadable or not a directory: its user will report that.
    return false;
  }
}
