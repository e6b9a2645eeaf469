/**
 * The submit host's file system as the command line model looks at it: response files, thin archives, kinds of files.
 * Synchronous, because a command line is read in one go; each look is a system call or two on what make just touched.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, realpathSync, statSync } from 'node:fs';
import type { Look } from '../command/plan.ts';
import { driverSays } from './driver-says.ts';

/** Response files are lists of words; larger is something else. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/** Compilers met; a build has a handful. */
const MAX_PROGRAMS = 64;
const realPrograms = new Map<string, string>();

/**
 * The program behind the links of `path` (`cc` → `gcc-12`), looked up once: the same name with other links behind it is
 * seen when the dispatcher starts anew. `path` itself when it cannot be followed.
 */
export function realProgram(path: string): string {
  const known = realPrograms.get(path);
  if (known !== undefined) return known;
  if (realPrograms.size >= MAX_PROGRAMS) realPrograms.clear();
  let real = path;
  try {
    real = realpathSync(path);
  } catch {
    // It was there a moment ago; the exec will tell.
  }
  realPrograms.set(path, real);
  return real;
}

export const fileLook: Look = {
  driverSays,
  readText(path) {
    try {
      const stats = statSync(path);
      return stats.isFile() && stats.size <= MAX_TEXT_BYTES ? readFileSync(path, 'utf8') : undefined;
    } catch {
      // Missing or unreadable: the program that was given the name will say so in its own words.
      return undefined;
    }
  },
  readHead(path, lengthBytes) {
    let fd;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      // No more than there is: freshly made large buffers, a few for each archive of a build, made the collector run.
      const head = Buffer.allocUnsafe(Math.min(lengthBytes, fstatSync(fd).size));
      return head.subarray(0, readSync(fd, head, 0, head.length, 0));
    } catch {
      return undefined;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  },
  kind(path) {
    try {
      const stats = statSync(path, { throwIfNoEntry: false });
      if (!stats) return 'missing';
      if (stats.isFile()) return 'file';
      return stats.isDirectory() ? 'directory' : 'other';
    } catch {
      // A loop of links, a name too long, a closed directory: the compiler here says it best.
      return 'other';
    }
  },
};
