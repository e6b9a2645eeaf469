/** The current directory, which may have been deleted: Node throws then, where make goes on. Unaware of its use. */
import { resolve } from 'node:path';

/** As getcwd(3) reports that there is none. */
export const NO_DIRECTORY = 'getcwd: No such file or directory';

/** A path to it when it was deleted: there is nothing in it, but other paths can be resolved from it. */
export const DELETED_DIRECTORY = '/proc/self/cwd';

/** undefined when it was deleted. */
export function currentDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/** An absolute path for what the user named; from the root where there is no current directory. */
export function resolveHere(path: string): string {
  return resolve(currentDirectory() ?? '/', path);
}
