/**
 * The user's private directory for sockets and slot locks. The shim (shims/dispatcher.c) follows the same rules in C, so
 * that both ends meet: PMAKE_RUNTIME_DIR, else $XDG_RUNTIME_DIR/pmake, else /tmp/pmake-UID, and where that is not this
 * user's alone, run-HOST in his cache. Unaware of what is kept inside.
 */
import { mkdirSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheDirectory } from './own-directories.ts';
import { ownerOnlyDirectory } from './owner-only-directory.ts';
import { fail, type Result } from './result.ts';

const WHAT = 'the runtime directory';
/** The dispatcher's socket in the runtime directory. */
export const SOCKET_NAME = 'dispatcher.sock';
/** Hashes of headers in it: of this machine's files, as they are while it runs. */
export const HASHES_NAME = 'header-hashes';

/**
 * The runtime directory, made where it is missing. It is surely this user's alone: the usual path is known to everybody,
 * so anybody may have put something there before. The failure is a sentence.
 */
export function runtimeDirectory(env: NodeJS.ProcessEnv, uid = process.geteuid?.() ?? 0): Result<string, string> {
  const chosen = env.PMAKE_RUNTIME_DIR;
  if (chosen) {
    return chosen.startsWith('/')
      ? ownerOnlyDirectory(chosen, WHAT, uid)
      : fail(`PMAKE_RUNTIME_DIR must be an absolute path, it is "${chosen}"`);
  }
  const usual = ownerOnlyDirectory(usualPath(env, uid), WHAT, uid);
  if (usual.ok) return usual;
  const own = ownDirectory(env, uid);
  return own?.ok ? own : usual;
}

function usualPath(env: NodeJS.ProcessEnv, uid: number): string {
  const session = env.XDG_RUNTIME_DIR;
  return session?.startsWith('/') && isOwnedDirectory(session, uid) ? join(session, 'pmake') : `/tmp/pmake-${uid}`;
}

/** Hosts may share that file system, so each has its own. Undefined where the environment says nothing of a home. */
function ownDirectory(env: NodeJS.ProcessEnv, uid: number): Result<string, string> | undefined {
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : env.HOME;
  // Root with another user's HOME leaves nothing there.
  if (!base?.startsWith('/') || !isOwnedDirectory(base, uid)) return undefined;
  const directory = join(cacheDirectory(env), `run-${hostname()}`);
  try {
    mkdirSync(dirname(directory), { recursive: true, mode: 0o700 });
  } catch {
    return undefined;
  }
  return ownerOnlyDirectory(directory, WHAT, uid);
}

function isOwnedDirectory(path: string, uid: number): boolean {
  try {
    const stat = statSync(path);
    return stat.isDirectory() && stat.uid === uid;
  } catch {
    return false;
  }
}
