/**
 * Looks afresh on this host for files that a compile elsewhere did not find. Unaware of jobs and of messages.
 */
import { dirname, resolve } from 'node:path';
import { stampOpened } from './files.ts';
import { lookAgain } from './look-again.ts';

/** The directories of those files that are here: `names` as a message has them, looked for below `directories`. */
export async function findMissed(names: readonly string[], directories: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  const candidates = new Set(names.flatMap((name) => directories.map((directory) => resolve(directory, name))));
  for (const path of candidates) {
    const directory = dirname(path);
    if ((await lookAgain(directory)) && (await stampOpened(path))) found.add(directory);
  }
  return [...found];
}
