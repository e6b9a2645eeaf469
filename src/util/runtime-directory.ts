/**
 * The user's private directory for sockets, slot locks and masquerades. The shim (shims/pcc.c) follows the same
 * rules in C, so that both ends meet: PMAKE_RUNTIME_DIR, else $XDG_RUNTIME_DIR/pmake, else /tmp/pmake-UID.
 * Unaware of what is kept inside.
 */
import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok, type Result } from './result.ts';

/** The dispatcher's socket in the runtime directory. */
export const SOCKET_NAME = 'dispatcher.sock';
/** Hashes of headers in it: of this machine's files, as they are while it runs. */
export const HASHES_NAME = 'header-hashes';
const PRIVATE_MODE = 0o700;
/** Whatever lets group or others in. */
const SHARED_BITS = 0o077;

/**
 * The runtime directory, made where it is missing. It is surely this user's alone: its path is known to everybody, so
 * anybody may have put something there before. The failure is a sentence.
 */
export function runtimeDirectory(env: NodeJS.ProcessEnv, uid = process.geteuid?.() ?? 0): Result<string, string> {
  const directory = runtimeDirectoryPath(env, uid);
  if (!directory.startsWith('/')) return fail(`PMAKE_RUNTIME_DIR must be an absolute path, it is "${directory}"`);
  try {
    mkdirSync(directory, { mode: PRIVATE_MODE });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
      return fail(`the runtime directory cannot be made: ${(cause as Error).message}`);
    }
  }
  const stat = lstatSync(directory, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return fail(`the runtime directory ${directory} is not a directory`);
  if (stat.uid !== uid) return fail(`the runtime directory ${directory} belongs to uid ${stat.uid}, not to ${uid}`);
  if ((stat.mode & SHARED_BITS) !== 0) {
    const mode = (stat.mode & 0o777).toString(8);
    return fail(`the runtime directory ${directory} is open to others (mode ${mode}, not 700)`);
  }
  return ok(directory);
}

/** Where it would be; unchecked, and perhaps not there. */
export function runtimeDirectoryPath(env: NodeJS.ProcessEnv, uid = process.geteuid?.() ?? 0): string {
  if (env.PMAKE_RUNTIME_DIR) return env.PMAKE_RUNTIME_DIR;
  const session = env.XDG_RUNTIME_DIR;
  if (session?.startsWith('/') && isOwnedDirectory(session, uid)) return join(session, 'pmake');
  return `/tmp/pmake-${uid}`;
}

function isOwnedDirectory(path: string, uid: number): boolean {
  try {
    const stat = statSync(path);
    return stat.isDirectory() && stat.uid === uid;
  } catch {
    return false;
  }
}
