/**
 * A directory that only this user can access, although its path is well known. Unaware of its purpose.
 * src/tree/private-directory.ts handles our files in a tree where others may write.
 */
import { lstatSync, mkdirSync } from 'node:fs';
import { fail, ok, type Result } from './result.ts';

const PRIVATE_MODE = 0o700;
/** Mode bits that give access to group or others. */
const SHARED_BITS = 0o077;

/**
 * Creates the directory if it is missing, and checks it without following links, because another user may have put
 * something in its place. The failure is a sentence.
 * @param what - the directory's description in that sentence: `the runtime directory`
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
