/**
 * Work on files of a directory by its descriptor: what is done stays in the directory that was opened, also where others
 * can put another directory or a link under its name meanwhile. Unaware of what the files are.
 */
import { constants, existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PRIVATE_NAME } from './private-directory.ts';

/** Regular files of others may be there by a name that is ours: a FIFO is not waited for, a link is not followed. */
export const OUR_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Calls `work` with what the directory's files are named by. A private directory's name that is a link is not followed.
 * Rejects as open(2) fails, and as `work` does.
 */
export async function inDirectory<T>(
  directory: string,
  work: (at: (name: string) => string) => Promise<T>,
): Promise<T> {
  const noFollow = PRIVATE_NAME.test(basename(directory)) ? constants.O_NOFOLLOW : 0;
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY | noFollow);
  try {
    const opened = `/proc/self/fd/${handle.fd}`;
    const base = existsSync(opened) ? opened : directory;
    return await work((name) => join(base, name));
  } finally {
    await handle.close();
  }
}
