/**
 * The submit host's file system as the command line model looks at it: response files, thin archives, kinds of files.
 * Synchronous, because a command line is read in one go; each look is a system call or two on what make just touched.
 */
import { isUtf8 } from 'node:buffer';
import { readFileSync, realpathSync } from 'node:fs';
import type { Look } from '../command/plan.ts';
import { driverSays } from './driver-says.ts';
import { kindOf } from './kind.ts';
import { readHead, withRegularFile } from './regular-file.ts';

/** Response files are lists of words; larger is something else. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/**
 * The program behind the links of `path` (`cc` → `gcc-12`), as it is now: other links may lead to another compiler with
 * the next job (update-alternatives). `path` itself when it cannot be followed.
 */
export function realProgram(path: string): string {
  try {
    // One call of the C library: remembering it would take as many to know whether it still holds.
    return realpathSync.native(path);
  } catch {
    // It was there a moment ago; the exec will tell.
    return path;
  }
}

export const fileLook: Look = {
  driverSays,
  readText: (path) =>
    kindOf(path) === 'file'
      ? withRegularFile(path, (file, { size }) => (size <= MAX_TEXT_BYTES ? textOf(readFileSync(file)) : undefined))
      : undefined,
  readHead: (path, lengthBytes) => (kindOf(path) === 'file' ? readHead(path, lengthBytes) : undefined),
  kind: kindOf,
};

/** Undefined for what is not UTF-8: words of it would reach a node as other bytes. */
function textOf(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}
