/**
 * Tracks the directories that compiles search for headers: which of them changed, and which changes each node has been
 * told.
 *
 * A root is a directory of an include path. Headers may be below it (`<linux/fs.h>`), so all directories below it
 * count, up to a limit. They are read once and then watched, so that a job costs a few map lookups and no system calls,
 * however many directories there are. Changes by other hosts are found by comparing mtimes, when a build begins and
 * periodically. If a limit is reached, or watches are unavailable, nodes see a change up to a minute late, and a
 * compile that misses a file is retried.
 *
 * Unaware of jobs and of what a node is.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDirectory, mayBeIncluded, WatchedDirectories } from './watched-directories.ts';

/**
 * Limit for the directories read below one root: beyond it the root is the top of a large tree, where the nearest
 * directories matter most.
 */
const MAX_BELOW_ROOT = 2_048;
/** How long a job waits for its roots to be read; later jobs report the rest. */
const READ_LIMIT_MS = 1_000;
/**
 * When the limit for watches is reached, those of finished builds may be stale: start over, but not more often than
 * this.
 */
const START_ANEW_INTERVAL_MS = 600_000;
/**
 * Interval for comparing mtimes. An NFS client revalidates a directory's attributes only every half minute (acdirmin,
 * nfs(5)).
 */
const COMPARE_INTERVAL_MS = 30_000;
/**
 * Changes older than this are known to every node: a client revalidates a directory's attributes once a minute
 * (acdirmax, nfs(5)), unless its mount options say otherwise.
 */
const OLD_NS = 3_600_000_000_000n;
/** Builds do not write there. */
const SYSTEM = /^\/(usr\/(include|lib|lib64|local\/include|share)|lib|lib64)(\/|$)/;

/** The directories below a root, including itself, each with the version of its last change. */
interface Root {
  readonly path: string;
  readonly changedAt: Map<string, number>;
  version: number;
  /** Settles when everything below it has been read; undefined while it does not exist. */
  reading: Promise<unknown> | undefined;
}

/** The directories of all builds of a dispatcher. */
export class SearchedDirectories {
  readonly #roots = new Map<string, Root>();
  /** The roots above each directory. */
  readonly #rootsOf = new Map<string, Set<Root>>();
  readonly #mtimes = new Map<string, bigint>();
  readonly #watched = new WatchedDirectories(
    (directory, name) => this.#noteName(directory, name),
    (directory) => this.#watchAgain(directory),
  );
  /** For each listener, the version of each root that it was last told. */
  readonly #told = new WeakMap<object, Map<string, number>>();
  #version = 1;
  #comparing: Promise<void> | undefined;
  #beginning: Promise<void> | undefined;
  #comparedAtMs = 0;
  #anewAtMs = 0;

  /** When it resolves, all changes below `paths` before this call are known. */
  async ready(paths: readonly string[]): Promise<void> {
    // The kernel's queued events are delivered in the next turn of the loop, which is between these two.
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

  /**
   * The directories in and below `paths` that changed since `listener` was last told. They count as told from now on.
   */
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

  /** Makes everything below `paths` count as changed for `listener`. */
  tellAgain(listener: object, paths: readonly string[]): void {
    for (const path of paths) this.#told.get(listener)?.delete(path);
  }

  /** Records a file written by a node, which the watches on this host do not see. */
  noteWritten(path: string): void {
    if (mayBeIncluded(basename(path))) this.#noteChange(dirname(path));
  }

  /** A build begins: looks for earlier changes by other hosts, and makes its first jobs wait for the result. */
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
    // It does not exist at the moment: check once per job until it does.
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

  /** Breadth first, so that a limit omits the deepest directories. */
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
    // Watch before reading: a change in between is then seen twice rather than missed.
    this.#watched.add(directory);
    const stats = await stat(directory, { bigint: true }).catch(() => undefined);
    if (!stats) return [];
    this.#mtimes.set(directory, stats.mtimeNs);
    this.#rootsOf.set(directory, (this.#rootsOf.get(directory) ?? new Set<Root>()).add(root));
    const isKnownRemotely = how === 'found' && BigInt(Date.now()) * 1_000_000n - stats.mtimeNs > OLD_NS;
    this.#version += 1;
    root.changedAt.set(directory, isKnownRemotely ? 0 : this.#version);
    root.version = this.#version;
    return subdirectories(directory);
  }

  #noteName(directory: string, name: string): void {
    this.#noteChange(directory);
    const path = join(directory, name);
    // A directory was created, or replaced under a known name.
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
    // A root of that name is read for the next job that searches it.
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
    // If the comparison failed, compare again next time.
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

/** Without hidden directories and links: builds seldom generate headers in a directory that only a link leads to. */
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
