/**
 * Where the names that a compile reads lead to on this host: the real path, the mount, the file behind it. Each place is
 * remembered with what it was found by, and looked at again with each job where a link or a missing directory had a say.
 * Synchronous: it is asked in the turn in which a job arrives. Unaware of jobs and nodes.
 */
import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { putLast } from '../util/put-last.ts';
import { mountPlaceNow, type MountPlace } from './mount-id.ts';
import type { MountTable } from './mount-table.ts';

/** Directories of include paths, and of sources; a large build has some thousands. */
const MAX_KNOWN = 16_384;
/** A directory without a link in its name is looked at so often: only another mount, or a move, can make it another. */
const PLAIN_INTERVAL_MS = 200;

export interface Located {
  readonly name: string;
  /** Links followed. Of a name that is not there: that of the nearest directory above it. */
  readonly real: string;
  readonly isMissing: boolean;
  readonly mount: MountPlace;
}

interface Known {
  readonly located: Located | undefined;
  /** Of what it leads to. */
  readonly file: string;
  readonly generation: number;
  checkedAtMs: number;
}

export class Places {
  readonly mounts: MountTable;
  readonly #known = new Map<string, Known>();

  constructor(mounts: MountTable) {
    this.mounts = mounts;
  }

  /** The same object while the name leads to the same place. Undefined where not even its root can be looked at. */
  locate(name: string): Located | undefined {
    const before = this.#known.get(name);
    const nowMs = performance.now();
    if (before && this.#isStill(name, before, nowMs)) return before.located;
    const file = fileAt(name);
    const found = find(name);
    const isSame = before?.located !== undefined && found !== undefined && isSamePlace(before.located, found);
    const located = isSame ? before.located : found;
    putLast(this.#known, name, { located, file, generation: this.mounts.generation, checkedAtMs: nowMs }, MAX_KNOWN);
    return located;
  }

  #isStill(name: string, known: Known, nowMs: number): boolean {
    if (known.generation !== this.mounts.generation) return false;
    // Not to know the mount may be a moment's lack of descriptors.
    if (known.located?.mount.id === undefined && nowMs - known.checkedAtMs >= PLAIN_INTERVAL_MS) return false;
    const isPlain = known.located?.real === name;
    if (isPlain && nowMs - known.checkedAtMs < PLAIN_INTERVAL_MS) return true;
    known.checkedAtMs = nowMs;
    // Behind another link there may be the same directory, by another name.
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

/** Which file a name leads to; empty for none. */
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
