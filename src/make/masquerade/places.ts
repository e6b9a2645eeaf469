/**
 * Where masquerades may be kept, the best place first: in the user's cache, where what CMake has written down of them
 * outlives a reboot, else with the sockets. Unaware of what a masquerade is.
 */
import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../../util/own-directories.ts';
import { ownerOnlyDirectory } from '../../util/owner-only-directory.ts';
import { fail, type Result } from '../../util/result.ts';
import { runtimeDirectory } from '../../util/runtime-directory.ts';

const FOLDER = 'masquerade';
/** Others may read what else is in pmake's cache, but not put anything there. */
const WRITABLE_BITS = 0o022;
/** Makefiles cut their words at blanks, PATH its entries at colons, LD_PRELOAD at both; shells look at the rest. */
const PLAIN_PATH = /^[\w.+,@/-]+$/;

export interface Place {
  readonly root: string;
  /** Still there after a reboot, and left alone by what cleans temporary directories. */
  readonly isLasting: boolean;
  /** Makes it where it is missing. The failure is a sentence. */
  readonly open: () => Result<string, string>;
}

/** None of them made yet; PATH cannot hold one with a colon. */
export function placesFor(env: NodeJS.ProcessEnv, runtime: string): readonly Place[] {
  const cache = cacheDirectory(env);
  const places: Place[] = [{ root: join(cache, FOLDER), isLasting: true, open: () => openInCache(cache) }];
  places.push({ root: join(runtime, FOLDER), isLasting: false, open: () => openIn(runtime) });
  // Of the runtime directories the one whose name is ours to choose.
  const uid = process.geteuid?.() ?? 0;
  const temporary = `/tmp/pmake-${uid}`;
  if (temporary !== runtime) {
    places.push({ root: join(temporary, FOLDER), isLasting: false, open: () => openTemporary(uid) });
  }
  const usable = places.filter(({ root }) => root.startsWith('/') && !root.includes(':'));
  const isPlain = (place: Place): boolean => PLAIN_PATH.test(place.root);
  return [...usable.filter(isPlain), ...usable.filter((place) => !isPlain(place))];
}

function openTemporary(uid: number): Result<string, string> {
  const directory = runtimeDirectory({}, uid);
  return directory.ok ? openIn(directory.value) : directory;
}

function openIn(directory: string): Result<string, string> {
  return ownerOnlyDirectory(join(directory, FOLDER), 'the directory of compiler shims');
}

function openInCache(cache: string): Result<string, string> {
  const uid = process.geteuid?.() ?? 0;
  try {
    // Root with another user's HOME leaves nothing there that this user could not remove.
    const above = existingAbove(cache);
    if (above.path !== cache && above.uid !== uid) return fail(`${above.path} belongs to uid ${above.uid}`);
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    const stat = lstatSync(cache);
    if (!stat.isDirectory()) return fail(`${cache} is no directory`);
    if (stat.uid !== uid || (stat.mode & WRITABLE_BITS) !== 0) return fail(`${cache} is open to others`);
  } catch (cause) {
    return fail((cause as Error).message);
  }
  return openIn(cache);
}

function existingAbove(path: string): { readonly path: string; readonly uid: number } {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? existingAbove(dirname(path)) : { path, uid: stat.uid };
}
