/** Hashes of large files, cached by file state. Unaware of their contents. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { LruMap } from '../util/lru-map.ts';
import { stateOf } from './file-states.ts';
import { openRegularFile } from './regular-file.ts';
import { isShortage } from './shortage.ts';

const HASH_CHUNK_BYTES = 1024 * 1024;
/** A few compilers have a dozen files each. */
const MAX_KNOWN = 256;

const known = new LruMap<string, string>(MAX_KNOWN);

/**
 * SHA-256, in hex. Empty for an unreadable file: one that is only executable is identified by its output. Rejects if
 * this process is short of resources.
 */
export async function hashOfFile(path: string): Promise<string> {
  const key = `${path} ${await stateOf(path)}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  try {
    const file = await openRegularFile(path);
    if (!file) return '';
    const hash = await hashOpened(file).finally(() => file.close());
    known.set(key, hash);
    return hash;
  } catch (cause) {
    if (isShortage(cause)) throw cause;
    return '';
  }
}

async function hashOpened(file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  // One buffer for the whole file: a stream allocates memory for each chunk, which costs more than hashing.
  const buffer = Buffer.allocUnsafeSlow(HASH_CHUNK_BYTES);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
  }
}
