/** Reads the cluster's key from its file. Unaware of what is signed with it. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { fail, ok, type Result } from '../util/result.ts';
import type { KeyFailure } from './daemon-failure.ts';

/** 128 bits in any notation: less could be guessed. */
const MIN_KEY_BYTES = 16;
const MAX_KEY_BYTES = 4_096;
/**
 * Suffix of the file next to the key with a second key that is accepted from other nodes while the cluster changes its
 * key. First the new key is stored in this file on every node, then the two files are swapped on every node, then this
 * file is removed.
 */
const OTHER_KEY_SUFFIX = '.also';
/** Mode bits that give access to group or others. */
const SHARED_BITS = 0o077;

/** The key to sign with, and the second key to accept. */
export interface ClusterKeys {
  readonly key: Buffer;
  readonly otherKey: Buffer | undefined;
}

/** Reads the key, and the second one if it exists. */
export function readClusterKeys(path: string, uid?: number): Result<ClusterKeys, KeyFailure> {
  const key = readClusterKey(path, uid);
  if (!key.ok) return key;
  const otherPath = `${path}${OTHER_KEY_SUFFIX}`;
  if (!existsSync(otherPath)) return ok({ key: key.value, otherKey: undefined });
  const other = readClusterKey(otherPath, uid);
  return other.ok ? ok({ key: key.value, otherKey: other.value }) : other;
}

/**
 * The contents of the file without surrounding white space. Only its owner may have access, who must be this process's
 * user or root, because the key allows taking any slot in the cluster.
 */
export function readClusterKey(path: string, uid = process.geteuid?.() ?? 0): Result<Buffer, KeyFailure> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    return fail(code === 'ENOENT' ? { reason: 'no-key', path } : { reason: 'unreadable-key', path, code, uid });
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return fail({ reason: 'key-not-a-file', path });
    if ((stat.mode & SHARED_BITS) !== 0) {
      return fail({ reason: 'key-open-to-others', path, mode: stat.mode & 0o777 });
    }
    if (stat.uid !== uid && stat.uid !== 0) {
      return fail({ reason: 'key-of-other-owner', path, owner: stat.uid, uid });
    }
    if (stat.size > MAX_KEY_BYTES) return fail({ reason: 'key-too-long', path, bytes: stat.size });
    const key = Buffer.from(readFileSync(fd, 'latin1').trim(), 'latin1');
    if (key.length >= MIN_KEY_BYTES) return ok(key);
    return fail({ reason: 'key-too-short', path, bytes: key.length, minBytes: MIN_KEY_BYTES });
  } finally {
    closeSync(fd);
  }
}
