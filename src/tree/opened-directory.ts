/**
 * Accesses files of a directory through its descriptor, so that all operations apply to the opened directory even if
 * other users replace it, or put a link in its place. Unaware of what the files are.
 */
import { constants, existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PRIVATE_NAME } from './private-directory.ts';

/** Other users may have put a file under one of our names: do not wait for a FIFO, and do not follow a link. */
export const OUR_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Calls `work` with a function that maps a file's name to a path through the descriptor. Does not follow a link in
 * place of a private directory. Rejects as open(2) fails, and as `work` does.
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
