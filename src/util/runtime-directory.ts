/**
 * The user's private directory for sockets and slot locks. The shim (shims/dispatcher.c) implements the same rules in
 * C, so that both find the same directory: PMAKE_RUNTIME_DIR, otherwise $XDG_RUNTIME_DIR/pmake, otherwise
 * /tmp/pmake-UID, and if that is accessible to others, run-HOST in the user's cache directory. Unaware of what is
 * stored there.
 */
import { mkdirSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheDirectory } from './own-directories.ts';
import { type OwnerOnlyFailure, ownerOnlyDirectory } from './owner-only-directory.ts';
import { fail, type Result } from './result.ts';

/** Name of the dispatcher's socket in the runtime directory. */
export const SOCKET_NAME = 'dispatcher.sock';
/** Name of the cache of header hashes, which is valid for this machine's files until it reboots. */
export const HASHES_NAME = 'header-hashes';

/** Why there is no runtime directory. */
export type RuntimeDirectoryFailure =
  | OwnerOnlyFailure
  /** `path` is the value of PMAKE_RUNTIME_DIR. */
  | { readonly reason: 'not-absolute'; readonly path: string };

/**
 * Returns the runtime directory, and creates it if it is missing. It is checked to be this user's alone: the usual path
 * is well known, so another user may have put something there.
 */
export function runtimeDirectory(
  env: NodeJS.ProcessEnv,
  uid = process.geteuid?.() ?? 0,
): Result<string, RuntimeDirectoryFailure> {
  const chosen = env.PMAKE_RUNTIME_DIR;
  if (chosen) {
    return chosen.startsWith('/') ? ownerOnlyDirectory(chosen, uid) : fail({ reason: 'not-absolute', path: chosen });
  }
  const usual = ownerOnlyDirectory(usualPath(env, uid), uid);
  if (usual.ok) return usual;
  const own = ownDirectory(env, uid);
  return own?.ok ? own : usual;
}

function usualPath(env: NodeJS.ProcessEnv, uid: number): string {
  const session = env.XDG_RUNTIME_DIR;
  return session?.startsWith('/') && isOwnedDirectory(session, uid) ? join(session, 'pmake') : `/tmp/pmake-${uid}`;
}

/**
 * A directory on a file system that hosts may share, so each host has its own. Undefined if the environment does not
 * name a home.
 */
function ownDirectory(env: NodeJS.ProcessEnv, uid: number): Result<string, OwnerOnlyFailure> | undefined {
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : env.HOME;
  // Root with another user's HOME leaves nothing there.
  if (!base?.startsWith('/') || !isOwnedDirectory(base, uid)) return undefined;
  const directory = join(cacheDirectory(env), `run-${hostname()}`);
  try {
    mkdirSync(dirname(directory), { recursive: true, mode: 0o700 });
  } catch {
    return undefined;
  }
  return ownerOnlyDirectory(directory, uid);
}

function isOwnedDirectory(path: string, uid: number): boolean {
  try {
    const stat = statSync(path);
    return stat.isDirectory() && stat.uid === uid;
  } catch {
    return false;
  }
}
