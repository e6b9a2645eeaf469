/**
 * The directories in which compiles look for headers, which of them changed, and which changes a node has been told.
 *
 * A root is a directory of an include path. Headers lie below it too (`<linux/fs.h>`), so all directories below count,
 * up to a bound. They are read once and watched from then on, so that a job costs a few look-ups here and no system
 * call, however many directories there are. Changes that other hosts make are found by mtimes, when a build begins and
 * now and then. Where a bound is reached, or no watch is to be had, nodes see a change a minute late; a compile that
 * misses a file there is run again.
 *
 * Unaware of jobs and of what a node is.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDirectory, mayBeIncluded, WatchedDirectories } from './watched-directories.ts';

/** More is not read below one root: then it is the top of a large tree, and what is near it matters most. */
const MAX_BELOW_ROOT = 2_048;
/** A job waits this long for its roots to be read; the rest of what is below them is told with later jobs. */
const READ_LIMIT_MS = 1_000;
/** When there is no room for more, what was watched before may be of builds long over. Not sooner than this again. */
const START_ANEW_INTERVAL_MS = 600_000;
/** How often mtimes are compared. An NFS client asks for a directory's only every half minute (acdirmin, nfs(5)). */
const COMPARE_INTERVAL_MS = 30_000;
/**
 * What did not change for so long, no node believes otherwise: a client asks for a directory's attributes once a minute
 * (acdirmax, nfs(5)), where its mount options do not say otherwise.
 */
const OLD_NS = 3_600_000_000_000n;
/** No build writes there. */
const SYSTEM = /^\/(usr\/(include|lib|lib64|local\/include|share)|lib|lib64)(\/|$)/;

/** Directories below a root, itself among them, with the version at which each changed last. */
interface Root {
  readonly path: string;
  readonly changedAt: Map<string, number>;
  version: number;
  /** Settles when all below it is read; undefined while it does not exist. */
  reading: Promise<unknown> | undefined;
}

export class SearchedDirectories {
  readonly #roots = new Map<string, Root>();
  /** Roots that a directory lies below. */
  readonly #rootsOf = new Map<string, Set<Root>>();
  readonly #mtimes = new Map<string, bigint>();
  readonly #watched = new WatchedDirectories(
    (directory, name) => this.#noteName(directory, name),
    (directory) => this.#watchAgain(directory),
  );
  /** By who was told: the version of each root at that time. */
  readonly #told = new WeakMap<object, Map<string, number>>();
  #version = 1;
  #comparing: Promise<void> | undefined;
  #beginning: Promise<void> | undefined;
  #comparedAtMs = 0;
  #anewAtMs = 0;

  /** Everything that happened to what is below `paths` before this call is known when it resolves. */
  async ready(paths: readonly string[]): Promise<void> {
    // Events that the kernel has queued are handed out in the next turn of the loop, which is between these two.
    await turn();
    await turn();
    if (performance.now() - this.#comparedAtMs > COMPARE_INTERVAL_MS) void this.#compare();
    const readings = paths.filter((path) => !SYSTEM.test(path)).map((path) => this.#read(path));
    if (!this.#beginning && readings.every((reading) => reading === DONE)) return;
    const limit = new AbortController();
    const tooLong = delay(READ_LIMIT_MS, undefined, { signal: limit.signal, ref: false });
    await Promise.race([Promise.all([this.#beginning, ...readings]), tooLong.catch(() => undefined)]);
    limit.abort();
  }

  /** Those of `paths` and below that changed since `listener` was told last. From now on it counts as told. */
  takeChanged(listener: object, paths: readonly string[]): string[] {
    const told = this.#told.get(listener) ?? new Map<string, number>();
    this.#told.set(listener, told);
    const changed = new Set<string>();
    for (const path of paths) {
      const root = this.#roots.get(path);
      const since = told.get(path) ?? 0;
      if (!root || root.version <= since) continue;
      told.set(path, root.version);
      for (const [directory, version] of root.changedAt) if (version > since) changed.add(directory);
    }
    return [...changed];
  }

  /** Takes it that everything below `paths` changed, for `listener`. */
  tellAgain(listener: object, paths: readonly string[]): void {
    for (const path of paths) this.#told.get(listener)?.delete(path);
  }

  /** A file was written there that no watch here has seen: by a node. */
  noteWritten(path: string): void {
    if (mayBeIncluded(basename(path))) this.#noteChange(dirname(path));
  }

  /** A build begins: what other hosts changed before is looked for, and its first jobs wait for that. */
  beginBuild(): void {
    const beginning = this.#compare().finally(() => {
      if (this.#beginning === beginning) this.#beginning = undefined;
    });
    this.#beginning = beginning;
  }

  close(): void {
    this.#watched.close();
  }

  #read(path: string): Promise<unknown> {
    const known = this.#roots.get(path);
    if (known?.reading) return known.reading;
    if (!known && this.#watched.isFull) this.#startAnew();
    const root: Root = known ?? { path, changedAt: new Map<string, number>(), version: 0, reading: undefined };
    this.#roots.set(path, root);
    // Not there yet, or not any more: one look a job until it is.
    if (isDirectory(path)) this.#readBelow(path, root, known ? 'new' : 'found');
    return root.reading ?? DONE;
  }

  #startAnew(): void {
    if (performance.now() - this.#anewAtMs < START_ANEW_INTERVAL_MS) return;
    this.#anewAtMs = performance.now();
    this.#watched.close();
    this.#roots.clear();
    this.#rootsOf.clear();
    this.#mtimes.clear();
  }

  /** Level by level, so that a bound leaves out what lies deepest. */
  #readBelow(top: string, root: Root, how: 'new' | 'found'): void {
    const read = async (): Promise<void> => {
      for (let level = [top]; level.length > 0;) {
        const below = await Promise.all(level.map((directory) => this.#add(directory, root, how)));
        level = this.#watched.isFull || root.changedAt.size >= MAX_BELOW_ROOT ? [] : below.flat();
      }
    };
    const reading: Promise<unknown> = Promise.all([root.reading, read()]).then(() => {
      if (root.reading === reading) root.reading = DONE;
    });
    root.reading = reading;
  }

  /** Resolves with the directories in it. */
  async #add(directory: string, root: Root, how: 'new' | 'found'): Promise<string[]> {
    // Watched before it is read: what comes between is seen twice, not missed.
    this.#watched.add(directory);
    const stats = await stat(directory, { bigint: true }).catch(() => undefined);
    if (!stats) return [];
    this.#mtimes.set(directory, stats.mtimeNs);
    this.#rootsOf.set(directory, (this.#rootsOf.get(directory) ?? new Set<Root>()).add(root));
    const isKnownThere = how === 'found' && BigInt(Date.now()) * 1_000_000n - stats.mtimeNs > OLD_NS;
    this.#version += 1;
    root.changedAt.set(directory, isKnownThere ? 0 : this.#version);
    root.version = this.#version;
    return subdirectories(directory);
  }

  #noteName(directory: string, name: string): void {
    this.#noteChange(directory);
    const path = join(directory, name);
    // A directory: made, or another one under a name that is known.
    if (!name.startsWith('.') && isDirectory(path)) this.#readAnew(path, this.#rootsOf.get(directory));
  }

  #watchAgain(directory: string): void {
    this.#readAnew(directory, this.#rootsOf.get(directory));
  }

  #readAnew(top: string, roots: Iterable<Root> | undefined): void {
    const above = [...(roots ?? [])];
    for (const known of [...this.#rootsOf.keys()]) {
      if (known === top || known.startsWith(`${top}/`)) this.#forget(known);
    }
    if (!isDirectory(top)) return;
    // A root by that name is read with the next job that searches it.
    for (const root of above) if (root.path !== top) this.#readBelow(top, root, 'new');
  }

  #noteChange(directory: string): void {
    const roots = this.#rootsOf.get(directory);
    if (!roots) return;
    this.#version += 1;
    for (const root of roots) {
      root.changedAt.set(directory, this.#version);
      root.version = this.#version;
    }
  }

  #forget(directory: string): void {
    this.#watched.remove(directory);
    this.#mtimes.delete(directory);
    for (const root of this.#rootsOf.get(directory) ?? []) {
      root.changedAt.delete(directory);
      if (root.path === directory) root.reading = undefined;
    }
    this.#rootsOf.delete(directory);
  }

  #compare(): Promise<void> {
    // What could not be compared is compared the next time.
    this.#comparing ??= this.#compareAll()
      .catch(() => undefined)
      .finally(() => {
        this.#comparing = undefined;
        this.#comparedAtMs = performance.now();
      });
    return this.#comparing;
  }

  async #compareAll(): Promise<void> {
    await Promise.all(
      [...this.#rootsOf.keys()].map(async (directory) => {
        const stats = await stat(directory, { bigint: true }).catch(() => undefined);
        if (!this.#rootsOf.has(directory)) return;
        const known = this.#mtimes.get(directory);
        if (!stats?.isDirectory()) this.#forget(directory);
        else if (known !== stats.mtimeNs) {
          this.#mtimes.set(directory, stats.mtimeNs);
          this.#noteChange(directory);
        }
      }),
    );
  }
}

const DONE: Promise<unknown> = Promise.resolve();

/** Not hidden ones, nor links: builds seldom make headers in what only a link leads to. */
async function subdirectories(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => join(directory, entry.name));
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
