/**
 * A directory that is surely this user's alone, although its path is known to everybody. Unaware of what it is for; files
 * of ours in a tree, where others may write, are src/tree/private-directory.ts's.
 */
import { lstatSync, mkdirSync } from 'node:fs';
import { fail, ok, type Result } from './result.ts';

const PRIVATE_MODE = 0o700;
/** Whatever lets group or others in. */
const SHARED_BITS = 0o077;

/**
 * Makes the directory where it is missing, and checks it without following a link: another user may have put something
 * there before. The failure is a sentence.
 * @param what the directory, for that sentence: `the runtime directory`
 */
export function ownerOnlyDirectory(path: string, what: string, uid = process.geteuid?.() ?? 0): Result<string, string> {
  try {
    mkdirSync(path, { mode: PRIVATE_MODE });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
      return fail(`${what} cannot be made: ${(cause as Error).message}`);
    }
  }
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return fail(`${what} ${path} is not a directory`);
  if (stat.uid !== uid) return fail(`${what} ${path} belongs to uid ${stat.uid}, not to ${uid}`);
  if ((stat.mode & SHARED_BITS) !== 0) {
    const mode = (stat.mode & 0o777).toString(8);
    return fail(`${what} ${path} is open to others (mode ${mode}, not 700)`);
  }
  return ok(path);
}
