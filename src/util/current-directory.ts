/**
 * The current directory, which may have been deleted: Node throws in that case, while make continues. Unaware of its
 * use.
 */
import { resolve } from 'node:path';

/** The message for ENOENT from getcwd(3). */
export const NO_DIRECTORY = 'getcwd: No such file or directory';

/**
 * A path to the current directory that works even if it was deleted: it is empty, but other paths can be resolved from
 * it.
 */
export const DELETED_DIRECTORY = '/proc/self/cwd';

/** Undefined if the directory was deleted. */
export function currentDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/** An absolute path for a name from the user; relative to the root if there is no current directory. */
export function resolveHere(path: string): string {
  return resolve(currentDirectory() ?? '/', path);
}
