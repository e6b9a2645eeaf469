/**
 * Cache file: what one dispatcher has learned, kept on disk for the next. Best effort: without it jobs run in order of
 * arrival, and compilers are asked again. Unaware of the contents.
 */
import { constants } from 'node:fs';
import { openRegularFile } from '../../tree/regular-file.ts';
import { replaceFile } from '../../util/replace-file.ts';

/** Some 50,000 paths of 200 bytes; pmake does not write larger files. */
const MAX_BYTES = 16 * 1024 * 1024;
const WRITABLE_BY_OTHERS = 0o022;

/** Something learned that can be written as text and read back. */
export interface Kept {
  readonly size: number;
  /** Ignores invalid lines. */
  addText(text: string): void;
  toText(): string;
}

/** Reads the file into `kept`. A missing or unreadable file, or one that others can write, is ignored. */
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
    // Missing or unreadable.
  }
}

/** Replaces the file, unless there is nothing to write. */
export function writeKept(path: string, kept: Kept): void {
  if (kept.size > 0) replaceFile(path, kept.toText());
}
