/**
 * Makes this host's NFS client ask the file server what a directory holds, where it would go by what it remembers.
 *
 * A client remembers for up to a minute (acdirmax, nfs(5)) that a name was not there, and which file a name meant.
 * Measured on Linux 6.1 with default options: stat of the directory does not change that; opening it does, on NFS 4.2
 * at once, and costs one request. So it does for a file that was moved over another: before, open said "Stale file
 * handle" (4.2). On NFS 3, which tells changes by times alone, what changed twice within one tick of the server's clock
 * may look unchanged.
 *
 * On a local file system an open and a close. Unaware of jobs and nodes.
 */
import { opendir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A directory that seems to be missing is looked for in those above it. False when it is not there after that. */
export async function lookAgain(directory: string): Promise<boolean> {
  if (await isOpened(directory)) return true;
  const above = dirname(directory);
  return above !== directory && (await lookAgain(above)) && isOpened(directory);
}

/** Looks again only where a plain look finds no directory: for those that must be there already. */
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
    // Missing, unreadable or no directory: who needs it will say so.
    return false;
  }
}
