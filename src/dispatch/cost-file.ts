/**
 * What compiles cost, kept on disk from one dispatcher to the next. Best effort: without it jobs run in the order in which
 * they come. Unaware of what is in it.
 */
import { readFile } from 'node:fs/promises';
import { replaceFile } from '../util/replace-file.ts';
import type { JobCosts } from './job-costs.ts';

/** Some 50,000 paths of 200 bytes; a larger one is not ours. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Adds what is there, whenever that has been read. */
export async function readCosts(path: string, costs: JobCosts): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text.length <= MAX_BYTES) costs.addText(text);
}

export function writeCosts(path: string, costs: JobCosts): void {
  if (costs.size > 0) replaceFile(path, costs.toText());
}
