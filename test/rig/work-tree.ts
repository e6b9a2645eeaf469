/**
 * Directories to build in, on a file system that the nodes of scripts/cluster share (/tmp is not: each node has
 * its own), and what a build left there as hashes, so that two builds can be compared to the byte.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

export interface WorkTree extends AsyncDisposable {
  readonly path: string;
}

/** Hash by path below the directory. */
export type Hashes = ReadonlyMap<string, string>;

export async function makeWorkTree(): Promise<WorkTree> {
  const path = await mkdtemp('/var/tmp/pmake-e2e-');
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A copy with the original's times, so that make judges it as the original. */
export async function copyTree(from: string, to: string): Promise<void> {
  await execa('cp', ['-a', '--reflink=auto', from, to]);
}

/**
 * Every regular file below `directory` whose path `wanted` likes. Where a file names `directory` (debug information
 * does), the name counts as blanks: trees of different work trees, whose names are equally long, then compare.
 */
export async function hashTree(directory: string, wanted: (path: string) => boolean = () => true): Promise<Hashes> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hashes = new Map<string, string>();
  for (const file of files.sort()) {
    const path = file.slice(directory.length + 1);
    if (wanted(path)) hashes.set(path, hashWithout(await readFile(file), directory));
  }
  return hashes;
}

/** The paths that are in one only, or differ. */
export function differences(expected: Hashes, actual: Hashes): string[] {
  const paths = new Set([...expected.keys(), ...actual.keys()]);
  return [...paths].filter((path) => expected.get(path) !== actual.get(path)).sort();
}

/** Blanks out `name` in `bytes`, which are the caller's no longer. */
function hashWithout(bytes: Buffer, name: string): string {
  for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at)) bytes.fill(' ', at, at + name.length);
  return createHash('sha256').update(bytes).digest('hex');
}
