/**
 * Cleanup of old masquerades. CMake writes the path of a masquerade into the cache of every build directory that is
 * configured under pmake, and pmake does not know where those are, so only the time of the last use counts. Unaware of
 * what is in a masquerade.
 */
import { lstatSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const DAY_MS = 24 * 60 * 60_000;
/** A build directory that was not used for this long must be configured again. */
const KEEP_MS = 400 * DAY_MS;
/** For incomplete masquerades that a killed pmake left behind. */
const KEEP_UNFINISHED_MS = DAY_MS;
/** For index entries, which are recreated when they are needed. */
const KEEP_PATHS_MS = 30 * DAY_MS;

const HOME_NAME = /^[0-9a-f]{16}$/;
/** The index below each version's directory: links from the fingerprint of a PATH to its masquerade. */
export const PATHS_FOLDER = 'paths';

/** `root` has a directory for each version, which contains the masquerades. Never throws. */
export function removeOldHomes(root: string, nowMs: number): void {
  for (const version of namesIn(root)) {
    const directory = join(root, version);
    for (const name of namesIn(directory)) {
      const path = join(directory, name);
      if (name === PATHS_FOLDER) removeOldPaths(path, nowMs);
      else if (nowMs - lastUseMs(path) > (HOME_NAME.test(name) ? KEEP_MS : KEEP_UNFINISHED_MS)) remove(path);
    }
  }
}

function removeOldPaths(folder: string, nowMs: number): void {
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const madeMs = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
    if (nowMs - madeMs > KEEP_PATHS_MS) remove(path);
  }
}

/** pmake sets the directory's mtime; a plain make that calls a shim by its path updates that file's atime. */
function lastUseMs(home: string): number {
  const times = [statSync(home, { throwIfNoEntry: false })?.mtimeMs];
  times.push(statSync(join(home, 'pcc'), { throwIfNoEntry: false })?.atimeMs);
  return Math.max(...times.map((time) => time ?? 0));
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The entry stays, which is harmless.
  }
}
