/**
 * Private directories in which attempts write their outputs, held while a job uses them. An unused directory is given
 * up after a short idle time or at the end of a build, and removed if it is empty. Unaware of nodes and of what is
 * written.
 */
import { statSync } from 'node:fs';
import { takePrivateDirectory, type OwnPlace } from '../../tree/private-directory.ts';

/**
 * Bridges the gap between two jobs of `make -j1`: creating and removing a directory for each job costs a file server
 * five calls.
 */
const IDLE_MS = 1_000;

interface StagingPlace {
  readonly own: OwnPlace;
  readonly users: Set<number>;
  idle: NodeJS.Timeout | undefined;
}

/** The private directories that this dispatcher holds. */
export class StagingPlaces {
  readonly #held = new Map<string, StagingPlace>();

  /** The private directory in `place`, held for the job until `end`; undefined if it cannot be created. */
  use(place: string, job: number): string | undefined {
    const held = this.#find(place) ?? this.#take(place);
    if (!held) return undefined;
    clearTimeout(held.idle);
    held.users.add(job);
    return held.own.path;
  }

  /** The job no longer has outputs in any directory. */
  end(job: number): void {
    for (const [place, held] of this.#held) {
      if (!held.users.delete(job) || held.users.size > 0) continue;
      held.idle = setTimeout(() => this.#giveUp(place), IDLE_MS).unref();
    }
  }

  /** Gives up unused directories at once, because a build has ended. */
  giveUpUnused(): void {
    for (const [place, { users }] of this.#held) if (users.size === 0) this.#giveUp(place);
  }

  close(): void {
    for (const place of this.#held.keys()) this.#giveUp(place);
  }

  #find(place: string): StagingPlace | undefined {
    const held = this.#held.get(place);
    if (!held || isPresent(held.own.path)) return held;
    // A cleaner removed it. Jobs whose outputs were in it find out for themselves.
    this.#giveUp(place);
    return undefined;
  }

  #take(place: string): StagingPlace | undefined {
    const own = tryToTake(place);
    const held = own && { own, users: new Set<number>(), idle: undefined };
    if (held) this.#held.set(place, held);
    return held;
  }

  #giveUp(place: string): void {
    const held = this.#held.get(place);
    clearTimeout(held?.idle);
    this.#held.delete(place);
    held?.own.release();
  }
}

/** If this process is short of descriptors, outputs are staged next to their final places. */
function tryToTake(place: string): OwnPlace | undefined {
  try {
    return takePrivateDirectory(place);
  } catch {
    return undefined;
  }
}

function isPresent(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
