/**
 * What one dispatcher has learned, kept on disk for the next. Best effort: without it jobs run in the order in which they
 * come, and compilers are asked again. Unaware of what it is.
 */
import { constants } from 'node:fs';
import { openRegularFile } from '../../tree/regular-file.ts';
import { replaceFile } from '../../util/replace-file.ts';

/** Some 50,000 paths of 200 bytes; a larger one is not ours. */
const MAX_BYTES = 16 * 1024 * 1024;
const WRITABLE_BY_OTHERS = 0o022;

/** Something learned, as text and back. */
export interface Kept {
  readonly size: number;
  /** Lines that make no sense are left out. */
  addText(text: string): void;
  toText(): string;
}

/** Adds what is there, whenever that has been read. */
export async function readKept(path: string, kept: Kept): Promise<void> {
  try {
    const file = await openRegularFile(path, constants.O_RDONLY | constants.O_NOCTTY);
    if (!file) return;
    try {
      const { uid, mode, size } = await file.stat();
      const isOurs = uid === process.geteuid?.() && (mode & WRITABLE_BY_OTHERS) === 0;
      if (isOurs && size <= MAX_BYTES) kept.addText(await file.readFile('utf8'));
    } finally {
      await file.close();
    }
  } catch {
    // Not there yet, or not to be read.
  }
}

export function writeKept(path: string, kept: Kept): void {
  if (kept.size > 0) replaceFile(path, kept.toText());
}
