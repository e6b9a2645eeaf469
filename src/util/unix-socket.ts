/** A listening unix socket that appears ready or not at all, and goes without taking a successor's along. */
import { chmodSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:net';

/**
 * Listens under a name of its own and renames it into place; a socket file left by a dead process is replaced. Whoever
 * calls makes sure that no living one is. The answer takes the name away again, unless another took it over since.
 * Rejects as `listen` fails.
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
  // Out of descriptors: the client finds its connection closed, and does without. The next one may have better luck.
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
    // Somebody cleaned the directory: then the name is gone already.
  }
}
