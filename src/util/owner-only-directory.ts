/**
 * A directory that only this user can access, although its path is well known. Unaware of its purpose.
 * src/tree/private-directory.ts handles our files in a tree where others may write.
 */
import { lstatSync, mkdirSync } from 'node:fs';
import { fail, ok, type Result } from './result.ts';

const PRIVATE_MODE = 0o700;
/** Mode bits that give access to group or others. */
const SHARED_BITS = 0o077;

/** Why a directory is not one that only this user can access. */
export type OwnerOnlyFailure =
  /** `error` is the system's message, which names the path. */
  | { readonly reason: 'not-made'; readonly error: string }
  | { readonly reason: 'not-a-directory'; readonly path: string }
  /** `uid` is the user whose directory it must be. */
  | { readonly reason: 'other-owner'; readonly path: string; readonly owner: number; readonly uid: number }
  /** `mode` has the permission bits only. */
  | { readonly reason: 'open-to-others'; readonly path: string; readonly mode: number };

/**
 * Creates the directory if it is missing, and checks it without following links, because another user may have put
 * something in its place.
 */
export function ownerOnlyDirectory(path: string, uid = process.geteuid?.() ?? 0): Result<string, OwnerOnlyFailure> {
  try {
    mkdirSync(path, { mode: PRIVATE_MODE });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
      return fail({ reason: 'not-made', error: (cause as Error).message });
    }
  }
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return fail({ reason: 'not-a-directory', path });
  if (stat.uid !== uid) return fail({ reason: 'other-owner', path, owner: stat.uid, uid });
  if ((stat.mode & SHARED_BITS) !== 0) {
    return fail({ reason: 'open-to-others', path, mode: stat.mode & 0o777 });
  }
  return ok(path);
}
