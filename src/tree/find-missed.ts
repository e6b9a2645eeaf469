/**
 * Looks afresh on this host for files that a compile elsewhere did not find. Their names are a node's word, so they lead no
 * further than the compile itself searches, and cost no more than a moment. Unaware of jobs and of messages.
 */
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stampOpened } from './files.ts';
import { lookAgain } from './look-again.ts';

/** For all names. What is found later is compiled here. */
const LOOK_LIMIT_MS = 2_000;
/** Directories between a searched one and the file; gcc's own headers have five. */
const MAX_DEPTH = 16;

/**
 * The directories of those files that are here: `names` as a message has them, looked for below `directories`.
 * @param gone resolves when the answer is of no use
 */
export async function findMissed(
  names: readonly string[],
  directories: readonly string[],
  gone = new Promise<unknown>(() => undefined),
): Promise<string[]> {
  const found = new Set<string>();
  let isOver = false;
  const over = Promise.race([delay(LOOK_LIMIT_MS, undefined, { ref: false }), gone]).then(() => {
    isOver = true;
  });
  const look = async (): Promise<void> => {
    for (const path of candidatesFor(names, directories)) {
      if (isOver) return;
      const directory = dirname(path);
      if ((await lookAgain(directory)) && (await stampOpened(path))) found.add(directory);
    }
  };
  await Promise.race([look(), over]);
  return [...found];
}

/** Below `directories`: what a compile names otherwise it was told by its own sources, and finds here. */
function candidatesFor(names: readonly string[], directories: readonly string[]): Set<string> {
  const isBelow = (path: string): boolean =>
    directories.some((directory) => {
      const above = directory.endsWith('/') ? directory : `${directory}/`;
      return path.startsWith(above) && path.slice(above.length).split('/').length <= MAX_DEPTH;
    });
  const paths = names.flatMap((name) => directories.map((directory) => resolve(directory, name)));
  return new Set(paths.filter(isBelow));
}
