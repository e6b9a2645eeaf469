/** Reads the cluster's key from its file. Unaware of what is signed with it. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { fail, ok, type Result } from '../util/result.ts';

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

/** Reads the key, and the second one if it exists. The failure is a sentence. */
export function readClusterKeys(path: string, uid?: number): Result<ClusterKeys, string> {
  const key = readClusterKey(path, uid);
  if (!key.ok) return key;
  const otherPath = `${path}${OTHER_KEY_SUFFIX}`;
  if (!existsSync(otherPath)) return ok({ key: key.value, otherKey: undefined });
  const other = readClusterKey(otherPath, uid);
  return other.ok ? ok({ key: key.value, otherKey: other.value }) : other;
}

/**
 * The contents of the file without surrounding white space. Only its owner may have access, who must be this process's
 * user or root, because the key allows taking any slot in the cluster. The failure is a sentence.
 */
export function readClusterKey(path: string, uid = process.geteuid?.() ?? 0): Result<Buffer, string> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    if (code !== 'ENOENT')
      return fail(`the cluster's key ${path} cannot be read (${code}); it must belong to uid ${uid}`);
    return fail(
      `there is no cluster key ${path}; make one with "umask 077; head -c 32 /dev/urandom | base64 > ${path}" ` +
        'and copy it to every node',
    );
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return fail(`the cluster's key ${path} is not a regular file`);
    if ((stat.mode & SHARED_BITS) !== 0) {
      const mode = (stat.mode & 0o777).toString(8);
      return fail(`the cluster's key ${path} can be read by others (mode ${mode}); run "chmod 600 ${path}"`);
    }
    if (stat.uid !== uid && stat.uid !== 0)
      return fail(`the cluster's key ${path} belongs to uid ${stat.uid}, not to ${uid}`);
    if (stat.size > MAX_KEY_BYTES) return fail(`the cluster's key ${path} has ${stat.size} bytes: too many for a key`);
    const key = Buffer.from(readFileSync(fd, 'latin1').trim(), 'latin1');
    if (key.length >= MIN_KEY_BYTES) return ok(key);
    return fail(`the cluster's key ${path} has ${key.length} bytes, which can be guessed; it needs ${MIN_KEY_BYTES}`);
  } finally {
    closeSync(fd);
  }
}
