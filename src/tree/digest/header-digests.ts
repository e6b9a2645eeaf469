/**
 * A machine's system headers: where a compiler looks for them, and digests of the directories. Nodes and the submit
 * host run the same code. Files are hashed once per boot (hash-cache.ts); directories are checked for each question.
 * Unaware of who compares.
 */
import { statSync } from 'node:fs';
import {
  MAX_ENTRIES,
  MAX_HEADER_DIRECTORIES,
  type EntriesFacts,
  type HeadersFacts,
  type HeadersQuestion,
  type OwnSearchQuestion,
} from '../../protocol/header-inspection.ts';
import { statesOf, type FileStates } from '../file-states.ts';
import { TooLargeError, TreeDigester } from './digest-tree.ts';
import { HashCache } from './hash-cache.ts';
import { ownSearchPath, type OwnSearchPath } from './own-search-path.ts';

/** Facts about headers, and what they depend on. */
export interface FoundHeaders {
  readonly facts: HeadersFacts;
  /** The digested directories. */
  readonly directories: readonly string[];
  /** States that the facts depend on, except contents of files that are changed in place. */
  readonly states: FileStates;
}

/** The digest of a tree that is too large to compare. */
const TOO_LARGE = 'too large';
/** A directory is not checked again this soon: jobs of several kinds arrive together. */
const RECENT_MS = 2_000;

/** Answers questions about headers, one at a time. */
export class HeaderDigests {
  readonly #hashes: HashCache;
  /** Digester of the latest questions, because differences are asked for next. */
  #digester: TreeDigester;
  #begunMs = -Infinity;
  /** Serialises questions: each can use the hashes of the one before. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param cachePath - where hashes are stored for this boot; undefined to keep them in memory only */
  constructor(cachePath: string | undefined) {
    this.#hashes = new HashCache(cachePath);
    this.#digester = new TreeDigester(this.#hashes);
  }

  find({ own, directories }: HeadersQuestion): Promise<FoundHeaders> {
    return this.#inTurn(() => this.#find(own, () => directories));
  }

  /** Includes digests of those of the compiler's own directories that `isCompared` selects. */
  findOwn(own: OwnSearchQuestion, isCompared: (directory: string) => boolean): Promise<FoundHeaders> {
    return this.#inTurn(() => this.#find(own, ({ directories }) => directories.filter(isCompared)));
  }

  /** The entries of a directory. */
  entries(directory: string): Promise<EntriesFacts> {
    return this.#inTurn(async () => {
      const found = await this.#digester.digest(directory).catch(() => undefined);
      return found && found.entries.length <= MAX_ENTRIES ? { entries: found.entries } : {};
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #find(
    own: OwnSearchQuestion | undefined,
    choose: (path: OwnSearchPath) => readonly string[],
  ): Promise<FoundHeaders> {
    if (performance.now() - this.#begunMs > RECENT_MS) {
      this.#digester = new TreeDigester(this.#hashes);
      this.#begunMs = performance.now();
    }
    const digester = this.#digester;
    const path = own ? await ownSearchPath(own) : NOWHERE;
    const searched = path.directories.filter(isDirectory);
    const absent = [...path.absent, ...path.directories.filter((one) => !isDirectory(one))].sort();
    const directories = choose({ ...path, directories: searched });
    // Read the states before digesting, so that a change in the meantime is noticed next time.
    const states = await statesOf([...directories, ...searched, ...absent, ...path.files, ...path.installations]);
    const digests: string[] = [];
    for (const directory of directories) digests.push(await digestOf(digester, directory));
    const files: string[] = [];
    for (const file of path.files) files.push(await digester.hashFile(file).catch(() => ''));
    this.#hashes.save();
    const isWhole = [searched, absent, files, digests].every((list) => list.length <= MAX_HEADER_DIRECTORIES);
    const facts = { searched, absent, files, digests, count: digester.files };
    return {
      facts: { isAnswered: path.isAnswered && isWhole, ...facts },
      directories,
      states: new Map([...digester.states, ...states]),
    };
  }
}

const NOWHERE: OwnSearchPath = { isAnswered: true, directories: [], absent: [], files: [], installations: [] };

async function digestOf(digester: TreeDigester, path: string): Promise<string> {
  try {
    return isDirectory(path) ? (await digester.digest(path)).digest : `file ${await digester.hashFile(path)}`;
  } catch (cause) {
    return cause instanceof TooLargeError ? TOO_LARGE : '';
  }
}

/** True if the digest stands for a tree that is too large: if it is on both hosts, they were not compared. */
export function isTooLarge(digest: string): boolean {
  return digest === TOO_LARGE;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false;
  }
}
