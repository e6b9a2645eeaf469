/**
 * The file by which a node proves that it sees the same tree: written here, read there, removed. It lies as far above
 * the sources as both may see it, so that no recipe which walks the build's directory meets it, and in the user's
 * private directory there: where others may write, they could put a link in its place. Unaware of nodes.
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

/** In a private directory. */
const PREFIX = 'proof-';
/** Where there is none: with a dot in front, which make's wildcards do not match. */
const BARE_PREFIX = '.pmake-proof-';
const TEXT_BYTES = 18;
/** A check ends within a minute. */
const ABANDONED_MS = 10 * 60_000;

export interface Proof {
  readonly path: string;
  readonly text: string;
  /** A name that one asked machine may use for a file of its own. */
  scratch(): string;
  /** Removes it, and what others left under the names they were given. */
  remove(): void;
}

/**
 * Undefined when no file of this user's own can be made in `place`.
 * @param isLastPlace no other is left: then also a place that others may write will do, where there is no private
 * directory to be had. Nobody knows the names beforehand, so nobody can have a link there.
 * @throws where this process is short of descriptors or the like
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
    // Never made, or removed already.
  }
}
