/**
 * What a machine has as headers of the system: where a compiler looks, and digests of what is there. The same code on a
 * node and on the submit host. Files are read once a boot (hash-cache.ts), and looked at once for each question. Unaware of
 * who compares.
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

export interface FoundHeaders {
  readonly facts: HeadersFacts;
  /** Those that the digests are of. */
  readonly directories: readonly string[];
  /** Of what the facts rest on, but for the content of files that are changed in place. */
  readonly states: FileStates;
}

/** For a machine that has more than may be compared. */
const TOO_LARGE = 'too large';
/** So soon after it was looked at a directory is not looked at again: jobs of several kinds come together. */
const RECENT_MS = 2_000;

export class HeaderDigests {
  readonly #hashes: HashCache;
  /** Of the last questions: what differs is asked for next. */
  #digester: TreeDigester;
  #begunMs = -Infinity;
  /** One question at a time: the next finds what the last one hashed. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param cachePath where hashes are kept for this boot; undefined: nowhere */
  constructor(cachePath: string | undefined) {
    this.#hashes = new HashCache(cachePath);
    this.#digester = new TreeDigester(this.#hashes);
  }

  find({ own, directories }: HeadersQuestion): Promise<FoundHeaders> {
    return this.#inTurn(() => this.#find(own, () => directories));
  }

  /** With digests of those directories of the compiler's own that `isCompared` picks. */
  findOwn(own: OwnSearchQuestion, isCompared: (directory: string) => boolean): Promise<FoundHeaders> {
    return this.#inTurn(() => this.#find(own, ({ directories }) => directories.filter(isCompared)));
  }

  /** What is in a directory. */
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
    // Before they are looked at: what changes meanwhile shows the next time.
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

/** Whether a digest stands for no contents: what is too large on both sides was not compared. */
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
