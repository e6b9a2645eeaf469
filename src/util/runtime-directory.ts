/**
 * The user's private directory for sockets and slot locks. The shim (shims/pcc.c) follows the same
 * rules in C, so that both ends meet: PMAKE_RUNTIME_DIR, else $XDG_RUNTIME_DIR/pmake, else /tmp/pmake-UID.
 * Unaware of what is kept inside.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ownerOnlyDirectory } from './owner-only-directory.ts';
import { fail, type Result } from './result.ts';

/** The dispatcher's socket in the runtime directory. */
export const SOCKET_NAME = 'dispatcher.sock';
/** Hashes of headers in it: of this machine's files, as they are while it runs. */
export const HASHES_NAME = 'header-hashes';

/**
 * The runtime directory, made where it is missing. It is surely this user's alone: its path is known to everybody, so
 * anybody may have put something there before. The failure is a sentence.
 */
export function runtimeDirectory(env: NodeJS.ProcessEnv, uid = process.geteuid?.() ?? 0): Result<string, string> {
  const directory = runtimeDirectoryPath(env, uid);
  if (!directory.startsWith('/')) return fail(`PMAKE_RUNTIME_DIR must be an absolute path, it is "${directory}"`);
  return ownerOnlyDirectory(directory, 'the runtime directory', uid);
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
