/**
 * Directories to build in, on a file system that the nodes of scripts/cluster share (unlike /tmp, which each node has
 * for itself), and hashes of the files that a build wrote, so that two builds can be compared byte by byte.
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

/** A copy that preserves times, so that make treats it like the original. */
export async function copyTree(from: string, to: string): Promise<void> {
  await execa('cp', ['-a', '--reflink=auto', from, to]);
}

/**
 * Every regular file below `directory` whose path satisfies `wanted`. The name of `directory` in a file (as in debug
 * information) is blanked out, so that trees with names of equal length compare equal.
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

/** Paths that exist on one side only, or differ. */
export function differences(expected: Hashes, actual: Hashes): string[] {
  const paths = new Set([...expected.keys(), ...actual.keys()]);
  return [...paths].filter((path) => expected.get(path) !== actual.get(path)).sort();
}

/** Blanks out `name` in `bytes`, which it modifies. */
function hashWithout(bytes: Buffer, name: string): string {
  for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at)) bytes.fill(' ', at, at + name.length);
  return createHash('sha256').update(bytes).digest('hex');
}
