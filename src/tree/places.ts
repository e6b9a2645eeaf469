/**
 * Resolves the names that a compile reads on this host: real path, mount and file. Results are cached with what they
 * depend on, and revalidated for each job if they depend on a link or a missing directory. Synchronous: it is called in
 * the turn in which a job arrives. Unaware of jobs and nodes.
 */
import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { LruMap } from '../util/lru-map.ts';
import { mountPlaceNow, type MountPlace } from './mount-id.ts';
import type { MountTable } from './mount-table.ts';

/** Directories of include paths and sources; a large build has a few thousand. */
const MAX_KNOWN = 16_384;
/** Interval for revalidating a directory without links in its path: it can only change by a mount or a rename. */
const PLAIN_INTERVAL_MS = 200;

/** A resolved name. */
export interface Located {
  readonly name: string;
  /** With links followed. For a missing name, the path of its nearest existing parent. */
  readonly real: string;
  readonly isMissing: boolean;
  readonly mount: MountPlace;
}

interface KnownPlace {
  readonly located: Located | undefined;
  /** The file that the name leads to. */
  readonly file: string;
  readonly generation: number;
  checkedAtMs: number;
}

/** A cache of resolved names. */
export class Places {
  readonly mounts: MountTable;
  readonly #known = new LruMap<string, KnownPlace>(MAX_KNOWN);

  constructor(mounts: MountTable) {
    this.mounts = mounts;
  }

  /** Returns the same object while the name leads to the same place. Undefined if not even its root can be accessed. */
  locate(name: string): Located | undefined {
    const before = this.#known.get(name);
    const nowMs = performance.now();
    if (before && this.#isStill(name, before, nowMs)) return before.located;
    const file = fileAt(name);
    const found = find(name);
    const isSame = before?.located !== undefined && found !== undefined && isSamePlace(before.located, found);
    const located = isSame ? before.located : found;
    this.#known.set(name, { located, file, generation: this.mounts.generation, checkedAtMs: nowMs });
    return located;
  }

  #isStill(name: string, known: KnownPlace, nowMs: number): boolean {
    if (known.generation !== this.mounts.generation) return false;
    // An unknown mount may be due to a temporary lack of descriptors.
    if (known.located?.mount.id === undefined && nowMs - known.checkedAtMs >= PLAIN_INTERVAL_MS) return false;
    const isPlain = known.located?.real === name;
    if (isPlain && nowMs - known.checkedAtMs < PLAIN_INTERVAL_MS) return true;
    known.checkedAtMs = nowMs;
    // Another link may lead to the same directory by a different path.
    const isSameName = isPlain || known.located?.isMissing !== false || realPath(name) === known.located.real;
    return isSameName && fileAt(name) === known.file;
  }
}

function isSamePlace(one: Located, other: Located): boolean {
  return (
    one.real === other.real &&
    one.isMissing === other.isMissing &&
    one.mount.id === other.mount.id &&
    one.mount.device === other.mount.device
  );
}

/** Identity of the file that a name leads to; empty if none exists. */
function fileAt(path: string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats ? `${stats.dev} ${stats.ino}` : '';
  } catch {
    return '';
  }
}

function find(name: string): Located | undefined {
  for (let at = name; ; at = dirname(at)) {
    const real = realPath(at);
    const mount = real === undefined ? undefined : mountPlaceNow(real);
    if (real !== undefined && mount) return { name, real, isMissing: at !== name, mount };
    if (at === '/' || at === '.') return undefined;
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
