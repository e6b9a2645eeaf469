/**
 * Revalidates, on this host, files that a remote compile did not find. Their names come from a node, so only
 * directories that the compile itself searches are considered, and only for a short time. Unaware of jobs and of
 * messages.
 */
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stampOpened } from './files.ts';
import { lookAgain } from './look-again.ts';

/** Limit for all names. A file found later is compiled locally. */
const LOOK_LIMIT_MS = 2_000;
/** Limit for the directories between a searched one and the file; gcc's own headers have five. */
const MAX_DEPTH = 16;

/**
 * The directories of the missed files that exist on this host.
 * @param names - as in the message; looked up below `directories`
 * @param gone - resolves when the answer is no longer needed
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

/** Only paths below `directories`: any other name came from the compile's own sources, and is found on this host. */
function candidatesFor(names: readonly string[], directories: readonly string[]): Set<string> {
  const isBelow = (path: string): boolean =>
    directories.some((directory) => {
      const above = directory.endsWith('/') ? directory : `${directory}/`;
      return path.startsWith(above) && path.slice(above.length).split('/').length <= MAX_DEPTH;
    });
  const paths = names.flatMap((name) => directories.map((directory) => resolve(directory, name)));
  return new Set(paths.filter(isBelow));
}
