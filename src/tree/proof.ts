/**
 * The file by which a node proves that it sees the same tree: written here, read there, removed. It lies as far above
 * the sources as both may see it, so that no recipe which walks the build's directory meets it; a name with a dot in
 * front, which make's wildcards do not match. Unaware of nodes.
 */
import { randomBytes } from 'node:crypto';
import { accessSync, constants, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Leftovers } from './leftovers.ts';

const PREFIX = '.pmake-proof-';
const DIRECTORY_LIMIT = 32;
/** A check ends within a minute. */
const leftovers = new Leftovers({ isOne: (name) => name.startsWith(PREFIX), abandonedMs: 10 * 60_000 });

export interface Proof {
  readonly path: string;
  readonly text: string;
  /** A name that one asked machine may use for a file of its own. */
  scratch(): string;
  /** Removes it, and what others left under the names they were given. */
  remove(): void;
}

/**
 * Where a proof for `directory` may lie, outermost first, `directory` last: those above it that are on the same file
 * system here and may be written. How far up a node sees the same, the asker finds out: of a directory that this host
 * exports, what lies above is not shared.
 */
export function proofDirectories(directory: string): string[] {
  const found: string[] = [];
  try {
    const { dev } = statSync(directory);
    for (let at = directory; at !== '/' && found.length < DIRECTORY_LIMIT; at = dirname(at)) {
      if (statSync(at).dev !== dev) break;
      if (isWritable(at)) found.unshift(at);
    }
  } catch {
    // It went away; there is nothing to prove.
  }
  return found;
}

/** undefined when no file can be made there. */
export function writeProof(directory: string): Proof | undefined {
  void leftovers.sweep(directory);
  const name = `${PREFIX}${randomBytes(9).toString('hex')}`;
  const text = randomBytes(18).toString('hex');
  const path = join(directory, name);
  const names = [path];
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
  } catch {
    return undefined;
  }
  const scratch = (): string => {
    const own = `${path}-${names.length}`;
    names.push(own);
    return own;
  };
  return { path, text, scratch, remove: () => names.forEach(removeOwn) };
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function removeOwn(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Never made, removed already, or somebody else's.
  }
}
