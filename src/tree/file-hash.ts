/** Hashes of large files, read once for each state of a file. Unaware of what is in them. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { putLast } from '../util/put-last.ts';
import { stateOf } from './file-states.ts';
import { openRegularFile } from './regular-file.ts';
import { isShortage } from './shortage.ts';

const HASH_CHUNK_BYTES = 1024 * 1024;
/** A few compilers have a dozen each. */
const MAX_KNOWN = 256;

const known = new Map<string, string>();

/**
 * SHA-256, in hex. Empty for what cannot be read: executable and not readable, it is known by what it says.
 * Rejects where this process is short of something.
 */
export async function hashOfFile(path: string): Promise<string> {
  const key = `${path} ${await stateOf(path)}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  try {
    const file = await openRegularFile(path);
    if (!file) return '';
    const hash = await hashOpened(file).finally(() => file.close());
    putLast(known, key, hash, MAX_KNOWN);
    return hash;
  } catch (cause) {
    if (isShortage(cause)) throw cause;
    return '';
  }
}

async function hashOpened(file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  // One for the whole file: a stream takes fresh memory for each piece, and that costs more than the hash.
  const buffer = Buffer.allocUnsafeSlow(HASH_CHUNK_BYTES);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
  }
}
