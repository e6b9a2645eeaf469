/** Creates a listening unix socket atomically, and removes it without removing a successor's. */
import { chmodSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:net';

/**
 * Listens under a temporary name and renames the socket into place, which replaces the socket file of a dead process.
 * The caller must make sure that no live process is using it. The returned function removes the socket unless another
 * process has replaced it. Rejects as `listen` fails.
 */
export async function listenAt(server: Server, path: string, mode: number): Promise<() => void> {
  const ownName = `${path}.${process.pid}`;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(ownName, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // Out of descriptors: the client's connection is closed, and the client continues without. A later attempt may
  // succeed.
  server.on('error', () => undefined);
  chmodSync(ownName, mode);
  const { ino } = lstatSync(ownName, { bigint: true });
  renameSync(ownName, path);
  return () => removeOwn(path, ino);
}

function removeOwn(path: string, inode: bigint): void {
  try {
    if (lstatSync(path, { bigint: true }).ino === inode) unlinkSync(path);
  } catch {
    // The directory has been cleaned up, so the name is already gone.
  }
}
