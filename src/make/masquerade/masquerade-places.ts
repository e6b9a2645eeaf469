/**
 * Places where masquerades may be kept, the best first: in the user's cache, where the paths that CMake has recorded
 * stay valid across a reboot, else next to the sockets. Unaware of what a masquerade is.
 */
import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../../util/own-directories.ts';
import { ownerOnlyDirectory } from '../../util/owner-only-directory.ts';
import { fail, type Result } from '../../util/result.ts';
import { runtimeDirectory } from '../../util/runtime-directory.ts';
import type { PlaceProblem } from '../cluster-failure.ts';

const FOLDER = 'masquerade';
/** Other users may read pmake's cache, but must not write to it. */
const WRITABLE_BITS = 0o022;
/** Makefiles split at blanks, PATH at colons and LD_PRELOAD at both; shells interpret the other special characters. */
const PLAIN_PATH = /^[\w.+,@/-]+$/;

/** One place that can hold masquerades. */
export interface MasqueradePlace {
  readonly root: string;
  /** The place survives reboots and the cleanup of temporary directories. */
  readonly isLasting: boolean;
  /** Creates the place if it is missing. */
  readonly open: () => Result<string, PlaceProblem>;
}

/** The places, none of which has been created. Places with a colon, which PATH cannot hold, are left out. */
export function placesFor(env: NodeJS.ProcessEnv, runtime: string): readonly MasqueradePlace[] {
  const cache = cacheDirectory(env);
  const places: MasqueradePlace[] = [{ root: join(cache, FOLDER), isLasting: true, open: () => openInCache(cache) }];
  places.push({ root: join(runtime, FOLDER), isLasting: false, open: () => openIn(runtime) });
  // The only runtime directory whose name pmake itself chooses.
  const uid = process.geteuid?.() ?? 0;
  const temporary = `/tmp/pmake-${uid}`;
  if (temporary !== runtime) {
    places.push({ root: join(temporary, FOLDER), isLasting: false, open: () => openTemporary(uid) });
  }
  const usable = places.filter(({ root }) => root.startsWith('/') && !root.includes(':'));
  const isPlain = (place: MasqueradePlace): boolean => PLAIN_PATH.test(place.root);
  return [...usable.filter(isPlain), ...usable.filter((place) => !isPlain(place))];
}

function openTemporary(uid: number): Result<string, PlaceProblem> {
  const directory = runtimeDirectory({}, uid);
  return directory.ok ? openIn(directory.value) : fail({ reason: 'runtime-directory', failure: directory.failure });
}

function openIn(directory: string): Result<string, PlaceProblem> {
  const opened = ownerOnlyDirectory(join(directory, FOLDER));
  return opened.ok ? opened : fail({ reason: 'shim-directory', failure: opened.failure });
}

function openInCache(cache: string): Result<string, PlaceProblem> {
  const uid = process.geteuid?.() ?? 0;
  try {
    // When root runs with another user's HOME, it must not leave files there that this user could not remove.
    const above = existingAbove(cache);
    if (above.path !== cache && above.uid !== uid) {
      return fail({ reason: 'other-owner', path: above.path, owner: above.uid });
    }
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    const stat = lstatSync(cache);
    if (!stat.isDirectory()) return fail({ reason: 'not-a-directory', path: cache });
    if (stat.uid !== uid || (stat.mode & WRITABLE_BITS) !== 0) return fail({ reason: 'open-to-others', path: cache });
  } catch (cause) {
    return fail({ reason: 'file-system', error: (cause as Error).message });
  }
  return openIn(cache);
}

function existingAbove(path: string): { readonly path: string; readonly uid: number } {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? existingAbove(dirname(path)) : { path, uid: stat.uid };
}
