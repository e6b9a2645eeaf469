/**
 * The name of the working directory that gcc and clang write to debug information: PWD if it refers to that directory,
 * which it does in a shell that got there through a link. Unaware of jobs.
 */
import { statSync } from 'node:fs';

/** `-g0` and `-gno-...` write no directory; coverage notes do. */
const NAMES_DIRECTORY = /^(-g(?!0$|no-)|--coverage$|-fprofile-arcs$|-ftest-coverage$)/;

/**
 * The directory in which a compile must run on a node: by the name that it records, so that a node that has the
 * directory under another name reports it as missing rather than record that name.
 * @param cwd - from getcwd(2)
 * @param pwd - from the environment
 */
export function workingDirectory(cwd: string, pwd: string | undefined, argv: readonly string[]): string {
  if (pwd === undefined || pwd === cwd || !pwd.startsWith('/')) return cwd;
  if (!argv.some((word) => NAMES_DIRECTORY.test(word))) return cwd;
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
