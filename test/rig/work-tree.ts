/**
 * Directories to build in, on a file system that the nodes of scripts/cluster share (/tmp is not: each node has
 * its own), and what a build left there as hashes, so that two builds can be compared to the byte.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
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

/** Every regular file below `directory` whose path `wanted` likes. */
export async function hashTree(directory: string, wanted: (path: string) => boolean = () => true): Promise<Hashes> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hashes = new Map<string, string>();
  for (const file of files.sort()) {
    const path = file.slice(directory.length + 1);
    if (wanted(path)) hashes.set(path, await hashFile(file));
  }
  return hashes;
}

/** The paths that are in one only, or differ. */
export function differences(expected: Hashes, actual: Hashes): string[] {
  const paths = new Set([...expected.keys(), ...actual.keys()]);
  return [...paths].filter((path) => expected.get(path) !== actual.get(path)).sort();
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
