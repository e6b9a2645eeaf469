/**
 * Digests of directory trees, which are equal if names, kinds and contents are equal. A directory's digest is made from
 * those of its entries, so that two hosts can find a difference with few messages. A link counts by its target: as a
 * path if the target is inside the digested tree, otherwise by contents. The work is split into short turns, because
 * jobs wait for the same process. Unaware of who compares.
 */
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DigestEntry } from '../../protocol/header-inspection.ts';
import { stateNow } from '../file-states.ts';
import { openRegularFileNow } from '../regular-file.ts';
import type { HashCache } from './hash-cache.ts';

/** A larger tree is not an include path: a whole /usr has about as many files. */
const MAX_DIGESTED_FILES = 100_000;
const MAX_DIGESTED_BYTES = 2 * 1024 * 1024 * 1024;
const MAX_DEPTH = 64;
const CHUNK_BYTES = 256 * 1024;
/** The longest delay for everything else in this process. */
const TURN_MS = 5;

/** The digest of one directory. */
export interface DirectoryDigest {
  /** Covers everything below the directory. */
  readonly digest: string;
  /** Sorted by name. */
  readonly entries: readonly DigestEntry[];
  /** Number of regular files below, including those that links lead to. */
  readonly files: number;
}

/** The tree is too large to digest. */
export class TooLargeError extends Error {}

type Digested = Omit<DigestEntry, 'name'>;

/** Digests trees for one series of questions. */
export class TreeDigester {
  /** States of all directories before they were read: a change of any of them invalidates the digests. */
  readonly states = new Map<string, string>();
  readonly #hashes: HashCache;
  readonly #known = new Map<string, DirectoryDigest>();
  readonly #buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #files = 0;
  #bytes = 0;
  #turnBeganMs = performance.now();

  constructor(hashes: HashCache) {
    this.#hashes = hashes;
  }

  /** Number of files read, each counted once. */
  get files(): number {
    return this.#files;
  }

  /** @throws TooLargeError; an errno if it is not a directory */
  async digest(directory: string): Promise<DirectoryDigest> {
    const real = realpathSync(directory);
    return this.#digestDirectory(real, real, 0);
  }

  /**
   * SHA-256 of a regular file, following links.
   * @throws TooLargeError; an errno if none exists
   */
  async hashFile(path: string): Promise<string> {
    const stats = statSync(path, { bigint: true });
    this.#bytes += Number(stats.size);
    this.#files += 1;
    if (this.#files > MAX_DIGESTED_FILES || this.#bytes > MAX_DIGESTED_BYTES) throw new TooLargeError(path);
    return this.#hashes.get(stats, () => this.#read(path));
  }

  async #digestDirectory(real: string, top: string, depth: number): Promise<DirectoryDigest> {
    const known = this.#known.get(real);
    if (known) return known;
    if (depth > MAX_DEPTH) throw new TooLargeError(real);
    this.states.set(real, stateNow(real));
    const entries: DigestEntry[] = [];
    for (const name of readdirSync(real, 'latin1').sort()) {
      await this.#breathe();
      entries.push({ name, ...(await this.#digestEntry(`${real === '/' ? '' : real}/${native(name)}`, top, depth)) });
    }
    const text = entries.map(({ name, digest, isDirectory }) => `${name}\0${isDirectory ? 'in ' : ''}${digest}\n`);
    const files = entries.reduce((sum, entry) => sum + entry.files, 0);
    const made = { digest: createHash('sha256').update(text.join(''), 'latin1').digest('hex'), entries, files };
    this.#known.set(real, made);
    return made;
  }

  async #digestEntry(path: string, top: string, depth: number): Promise<Digested> {
    const stats = tryTo(() => lstatSync(path));
    if (stats?.isDirectory()) return this.#below(path, top, depth, true);
    if (stats?.isFile()) return this.#digestFile(path);
    if (!stats?.isSymbolicLink()) return nothing(stats ? 'special' : 'gone');
    const target = tryTo(() => realpathSync(path));
    const kind = target === undefined ? undefined : tryTo(() => statSync(target));
    if (target === undefined || !kind) return nothing('leads nowhere');
    // Relative to the top, so that the digest is independent of the tree's location; this also breaks cycles.
    if (target === top || target.startsWith(`${top}/`)) return nothing(`leads to ${target.slice(top.length)}`);
    if (kind.isFile()) return this.#digestFile(target);
    if (!kind.isDirectory() || top.startsWith(`${target}/`)) return nothing(`leads out ${basename(target)}`);
    return this.#below(target, target, depth, false);
  }

  async #below(real: string, top: string, depth: number, isDirectory: boolean): Promise<Digested> {
    try {
      const { digest, files } = await this.#digestDirectory(real, top, depth + 1);
      return { digest: isDirectory ? digest : `link ${digest}`, files, isDirectory };
    } catch (cause) {
      if (cause instanceof TooLargeError) throw cause;
      // Inaccessible for this user, and therefore for the compiler as well, on either host.
      return nothing('closed');
    }
  }

  async #digestFile(path: string): Promise<Digested> {
    try {
      return { digest: await this.hashFile(path), files: 1, isDirectory: false };
    } catch (cause) {
      if (cause instanceof TooLargeError) throw cause;
      return nothing('closed');
    }
  }

  async #read(path: string): Promise<string> {
    const opened = openRegularFileNow(path);
    if (!opened) throw new Error('no regular file');
    try {
      const hash = createHash('sha256');
      for (;;) {
        const count = readSync(opened.file, this.#buffer, 0, CHUNK_BYTES, null);
        if (count === 0) return hash.digest('hex');
        hash.update(this.#buffer.subarray(0, count));
        await this.#breathe();
      }
    } finally {
      closeSync(opened.file);
    }
  }

  async #breathe(): Promise<void> {
    if (performance.now() - this.#turnBeganMs < TURN_MS) return;
    await nextTurn();
    this.#turnBeganMs = performance.now();
  }
}

/** Converts to the encoding of Node.js. A name that is not UTF-8 is not found, on both hosts alike. */
function native(name: string): string {
  return Buffer.from(name, 'latin1').toString();
}

function nothing(digest: string): Digested {
  return { digest, files: 0, isDirectory: false };
}

function tryTo<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
