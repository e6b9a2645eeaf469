/**
 * The name of a compile's directory that gcc and clang write into debug information: PWD where that is the directory, as a
 * shell has it that came there through a link. Unaware of jobs.
 */
import { statSync } from 'node:fs';

/** `-g0` and `-gno-...` want none; coverage notes have the directory as well. */
const NAMES_DIRECTORY = /^(-g(?!0$|no-)|--coverage$|-fprofile-arcs$|-ftest-coverage$)/;

/**
 * Where a compile of these words is to run on a node: by the name that it writes down, so that a node that has the
 * directory under another name only says so, and does not write that.
 * @param cwd as getcwd(2) says it @param pwd of the environment
 */
export function workingDirectory(cwd: string, pwd: string | undefined, words: readonly string[]): string {
  if (pwd === undefined || pwd === cwd || !pwd.startsWith('/')) return cwd;
  if (!words.some((word) => NAMES_DIRECTORY.test(word))) return cwd;
  return isSameDirectory(cwd, pwd) ? pwd : cwd;
}

function isSameDirectory(one: string, other: string): boolean {
  try {
    const [a, b] = [statSync(one, { bigint: true }), statSync(other, { bigint: true })];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}
