/** PATH as a list, and what is found on it. Unaware of what is looked for. */
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** What execvp(3) uses where PATH is not set, less the current directory. */
const PATH_IF_UNSET = '/usr/local/bin:/usr/bin:/bin';

/** The entries as they are, also empty ones (which mean the current directory to the shell). */
export function splitPath(path: string | undefined): string[] {
  return (path ?? PATH_IF_UNSET).split(':');
}

/** Every executable file called `name`, in PATH's order. Relative entries are passed over. */
export function findAllOnPath(name: string, directories: readonly string[]): string[] {
  return directories
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, name))
    .filter((candidate) => isExecutableFile(candidate));
}

export function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
