/**
 * The file by which a node proves that it sees the same tree: written on this host, read on the node, then removed. It
 * is as far above the sources as both may see it, so that a recipe that walks the build directory does not meet it, and
 * in the user's private directory, because elsewhere others could put a link in its place. Unaware of nodes.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isShortage } from './shortage.ts';
import {
  NEW_FILE,
  openPlace,
  removeIfOld,
  takePrivateDirectory,
  unguessableName,
  type OwnPlace,
} from './private-directory.ts';

/** Prefix in a private directory. */
const PREFIX = 'proof-';
/** Prefix elsewhere: make's wildcards do not match a leading dot. */
const BARE_PREFIX = '.pmake-proof-';
const TEXT_BYTES = 18;
/** A check ends within a minute. */
const ABANDONED_MS = 10 * 60_000;

/** A written proof. */
export interface Proof {
  readonly path: string;
  readonly text: string;
  /** A name that one node may use for a file of its own. */
  scratch(): string;
  /** Removes the proof, and leftovers under the scratch names. */
  remove(): void;
}

/**
 * Writes a proof; undefined if this user cannot create a private file in `place`.
 * @param isLastPlace - there is no other place: a place that others may write is then acceptable even without a private
 * directory, because they cannot guess the names and put links there
 * @throws if this process is short of descriptors or the like
 */
export function writeProof(place: string, isLastPlace = false): Proof | undefined {
  const own = takePrivateDirectory(place);
  if (own) return writeIn(own, PREFIX);
  const bare = openPlace(place, isLastPlace);
  return bare && writeIn(bare, BARE_PREFIX);
}

function writeIn(place: OwnPlace, prefix: string): Proof | undefined {
  const names: string[] = [];
  const newName = (): string => {
    const name = unguessableName(prefix);
    names.push(name);
    return name;
  };
  const remove = (): void => {
    for (const name of names) removeOwn(place.at(name));
    place.release();
  };
  const proof = newName();
  const text = randomBytes(TEXT_BYTES).toString('hex');
  try {
    for (const name of place.names()) if (name.startsWith(prefix)) removeIfOld(place.at(name), ABANDONED_MS);
    const fd = openSync(place.at(proof), NEW_FILE, 0o600);
    try {
      writeFileSync(fd, text);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    remove();
    if (isShortage(cause)) throw cause;
    return undefined;
  }
  return { path: join(place.path, proof), text, scratch: () => join(place.path, newName()), remove };
}

function removeOwn(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Never created, or already removed.
  }
}
