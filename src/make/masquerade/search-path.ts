/** Search of PATH for executable files. Unaware of what is searched for. */
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** The default of execvp(3) for an unset PATH, without the current directory. */
const PATH_IF_UNSET = '/usr/local/bin:/usr/bin:/bin';

/** The entries as they are, including empty ones (which mean the current directory to the shell). */
export function splitPath(path: string | undefined): string[] {
  return (path ?? PATH_IF_UNSET).split(':');
}

/** Every executable file called `name`, in PATH's order. Relative entries are skipped. */
export function findAllOnPath(name: string, directories: readonly string[]): string[] {
  return directories
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, name))
    .filter((candidate) => isExecutableFile(candidate));
}

/** Whether this is a regular file, after following links, that this user may execute. */
export function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
