/**
 * The submit host's file system as the command line model looks at it: response files, thin archives, kinds of files.
 * Synchronous, because a command line is read in one go; each look is a system call or two on what make just touched.
 */
import { readFileSync, realpathSync } from 'node:fs';
import type { Look } from '../command/plan.ts';
import { driverSays } from './driver-says.ts';
import { kindOf } from './kind.ts';
import { readHead, withRegularFile } from './regular-file.ts';

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
  readText: (path) =>
    kindOf(path) === 'file'
      ? withRegularFile(path, (file, { size }) => (size <= MAX_TEXT_BYTES ? readFileSync(file, 'utf8') : undefined))
      : undefined,
  readHead: (path, lengthBytes) => (kindOf(path) === 'file' ? readHead(path, lengthBytes) : undefined),
  kind: kindOf,
};
