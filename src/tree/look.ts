/**
 * The submit host's file system as the command line model sees it: response files, thin archives, kinds of files.
 * Synchronous, because a command line is planned in one go, and each call is a system call or two on files that make
 * has just touched.
 */
import { isUtf8 } from 'node:buffer';
import { readFileSync, realpathSync } from 'node:fs';
import type { Look } from '../command/plan.ts';
import { driverSays } from './driver-says.ts';
import { kindOf } from './kind.ts';
import { readHead, withRegularFile } from './regular-file.ts';

/** Response files are lists of words; a larger file is something else. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/**
 * The program that `path` links to (`cc` → `gcc-12`) at this moment: the links may lead to another compiler by the next
 * job (update-alternatives). Returns `path` itself if it cannot be resolved.
 */
export function realProgram(path: string): string {
  try {
    // One call of the C library: validating a cached result would take as many system calls.
    return realpathSync.native(path);
  } catch {
    // It existed a moment ago; exec will report the error.
    return path;
  }
}

/** The real file system. */
export const fileLook: Look = {
  driverSays,
  readText: (path) =>
    kindOf(path) === 'file'
      ? withRegularFile(path, (file, { size }) => (size <= MAX_TEXT_BYTES ? textOf(readFileSync(file)) : undefined))
      : undefined,
  readHead: (path, lengthBytes) => (kindOf(path) === 'file' ? readHead(path, lengthBytes) : undefined),
  kind: kindOf,
};

/** Undefined unless it is UTF-8: other words would reach a node as different bytes. */
function textOf(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}
