/**
 * What one dispatcher has learned, kept on disk for the next. Best effort: without it jobs run in the order in which they
 * come, and compilers are asked again. Unaware of what it is.
 */
import { readFile } from 'node:fs/promises';
import { replaceFile } from '../../util/replace-file.ts';

/** Some 50,000 paths of 200 bytes; a larger one is not ours. */
const MAX_BYTES = 16 * 1024 * 1024;

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
    const text = await readFile(path, 'utf8');
    if (text.length <= MAX_BYTES) kept.addText(text);
  } catch {
    // Not there yet, or not to be read.
  }
}

export function writeKept(path: string, kept: Kept): void {
  if (kept.size > 0) replaceFile(path, kept.toText());
}
