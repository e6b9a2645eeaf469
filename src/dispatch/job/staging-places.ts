/**
 * The private directories in which attempts write their outputs, held while a job uses them. One that is not used is
 * given up soon, or at the end of a build: then it goes if it is empty. Unaware of nodes and of what is written.
 */
import { statSync } from 'node:fs';
import { takePrivateDirectory, type OwnPlace } from '../../tree/private-directory.ts';

/** Between two jobs of `make -j1`: to make and remove a directory each time costs a file server five calls. */
const IDLE_MS = 1_000;

interface Held {
  readonly own: OwnPlace;
  readonly users: Set<number>;
  idle: NodeJS.Timeout | undefined;
}

export class StagingPlaces {
  readonly #held = new Map<string, Held>();

  /** The private directory in `place`, kept for the job until `end`; undefined where there is none. */
  use(place: string, job: number): string | undefined {
    const held = this.#find(place) ?? this.#take(place);
    if (!held) return undefined;
    clearTimeout(held.idle);
    held.users.add(job);
    return held.own.path;
  }

  /** The job has no outputs there any longer. */
  end(job: number): void {
    for (const [place, held] of this.#held) {
      if (!held.users.delete(job) || held.users.size > 0) continue;
      held.idle = setTimeout(() => this.#giveUp(place), IDLE_MS).unref();
    }
  }

  /** A build has ended: what is not used goes at once. */
  giveUpUnused(): void {
    for (const [place, { users }] of this.#held) if (users.size === 0) this.#giveUp(place);
  }

  close(): void {
    for (const place of this.#held.keys()) this.#giveUp(place);
  }

  #find(place: string): Held | undefined {
    const held = this.#held.get(place);
    if (!held || isThere(held.own.path)) return held;
    // A cleaner was there. Jobs whose outputs were in it find out by themselves.
    this.#giveUp(place);
    return undefined;
  }

  #take(place: string): Held | undefined {
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

/** Where this process is short of descriptors, the outputs lie next to where they will be. */
function tryToTake(place: string): OwnPlace | undefined {
  try {
    return takePrivateDirectory(place);
  } catch {
    return undefined;
  }
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
