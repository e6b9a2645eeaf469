/**
 * Scheduler of slots: a waiting job gets a slot on a node if a source has one, or else a local slot, or else it keeps
 * waiting. First come, first served, except that a job moves ahead by the time that it is expected to take. Pure:
 * events in, grants out. Unaware of what a job is, of nodes, and of the clock.
 */
import { NO_EXCLUSIONS } from '../exclusions.ts';
import type { JobNeeds, RemoteSlot, SlotSource } from '../slot-source.ts';

/** With this many slots on nodes for each local one, compiles wait for a node: make and ld need this host. */
const WAIT_FOR_NODE_FACTOR = 2;

/** A slot that was granted. */
export type GrantedSlot = RemoteSlot | { readonly kind: 'local' };

/** A job that waits for a slot. */
export interface QueuedJob {
  readonly id: number;
  /**
   * Rank in the queue: arrival time less the time that the job is expected to take, in milliseconds. The lowest is
   * first.
   */
  readonly rankMs: number;
  readonly needs: JobNeeds;
}

/** A slot granted to a waiting job. */
export interface Grant {
  readonly id: number;
  readonly place: GrantedSlot;
}

/** Needs of a job that must stay on this host. */
export const LOCAL_ONLY: JobNeeds = { listed: new Set(), mayLease: false, exclusions: NO_EXCLUSIONS };

/** Queue of jobs, count of local slots, and the sources of remote ones. */
export class Scheduler {
  readonly #sources: readonly SlotSource[];
  /** Sorted by rank. */
  #waiting: QueuedJob[] = [];
  #localSlots: number;
  #localTaken = 0;
  #remoteTaken = 0;
  #remoteLimit = Number.POSITIVE_INFINITY;

  /** @param sources asked for slots in this order */
  constructor(sources: readonly SlotSource[], localSlots: number) {
    this.#sources = sources;
    this.#localSlots = localSlots;
  }

  /** Jobs that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  get localSlots(): number {
    return this.#localSlots;
  }

  /** Jobs on nodes. */
  get remoteTaken(): number {
    return this.#remoteTaken;
  }

  get remoteLimit(): number {
    return this.#remoteLimit;
  }

  /** At most `limit` jobs run on nodes at once, however many slots there are; Infinity for no limit. */
  setRemoteLimit(limit: number): Grant[] {
    this.#remoteLimit = limit;
    return this.#grantAll();
  }

  setLocalSlots(slots: number): Grant[] {
    this.#localSlots = slots;
    return this.#grantAll();
  }

  /** A job asks for a slot; the returned grants may include its own. */
  add(job: QueuedJob): Grant[] {
    const at = this.#waiting.findLastIndex(({ rankMs }) => rankMs <= job.rankMs);
    this.#waiting.splice(at + 1, 0, job);
    const grants = this.#grantAll();
    if (!grants.some(({ id }) => id === job.id)) this.#demand(job.id, job.needs);
    return grants;
  }

  /** A slot on a node for a job that does not wait; undefined while other jobs wait or no slot is free. */
  takeFree(id: number, needs: JobNeeds): RemoteSlot | undefined {
    const slot = this.#waiting.length > 0 || this.#isAtLimit ? undefined : this.#acquire(needs);
    if (slot) this.#remoteTaken += 1;
    // A slot that comes too late for this job serves the next of its kind: such jobs run one after the other.
    this.#demand(id, slot ? undefined : needs);
    return slot;
  }

  /** A job gave up waiting, or is over. */
  remove(id: number): void {
    const at = this.#waiting.findIndex((job) => job.id === id);
    if (at >= 0) this.#waiting.splice(at, 1);
    this.#demand(id, undefined);
  }

  release(place: GrantedSlot): Grant[] {
    if (place.kind === 'local') this.#localTaken -= 1;
    else {
      this.#remoteTaken -= 1;
      place.source.release(place);
    }
    return this.#grantAll();
  }

  /** Nodes came or went: `needsOf` returns what each waiting job needs now. */
  nodesChanged(needsOf: (id: number) => JobNeeds): Grant[] {
    this.#waiting = this.#waiting.map((job) => ({ ...job, needs: needsOf(job.id) }));
    const grants = this.#grantAll();
    for (const { id, needs } of this.#waiting) this.#demand(id, needs);
    return grants;
  }

  /** Slots became free, or waiting jobs may expect others. */
  slotsChanged(): Grant[] {
    return this.#grantAll();
  }

  #grantAll(): Grant[] {
    const grants: Grant[] = [];
    // One query of the sources serves a thousand waiting jobs with the same needs.
    const full = new Set<JobNeeds>();
    for (const job of this.#waiting) {
      const isLocalFull = this.#localTaken >= this.#localSlots;
      if (isLocalFull && (this.#isAtLimit || this.#sources.every(({ isFull }) => isFull))) break;
      const place = this.#placeFor(job, full);
      if (place) grants.push({ id: job.id, place });
    }
    if (grants.length === 0) return grants;
    const granted = new Set(grants.map(({ id }) => id));
    this.#waiting = this.#waiting.filter(({ id }) => !granted.has(id));
    for (const id of granted) this.#demand(id, undefined);
    return grants;
  }

  #placeFor({ id, needs }: QueuedJob, full: Set<JobNeeds>): GrantedSlot | undefined {
    if (!this.#isAtLimit && !full.has(needs)) {
      const slot = this.#acquire(needs);
      if (slot) {
        this.#remoteTaken += 1;
        return slot;
      }
      full.add(needs);
    }
    if (this.#localTaken >= this.#localSlots || !this.#mayRunHere(id, needs)) return undefined;
    this.#localTaken += 1;
    return { kind: 'local' };
  }

  /**
   * False while the job should wait for a node: one may become available, and nodes have many more slots than this
   * host.
   */
  #mayRunHere(id: number, needs: JobNeeds): boolean {
    let slots = 0;
    let isHopeless = true;
    for (const source of this.#sources) {
      const outlook = source.outlook(id, needs);
      slots += outlook.slots;
      isHopeless &&= outlook.kind === 'none';
    }
    return isHopeless || slots < WAIT_FOR_NODE_FACTOR * this.#localSlots;
  }

  get #isAtLimit(): boolean {
    return this.#remoteTaken >= this.#remoteLimit;
  }

  #acquire(needs: JobNeeds): RemoteSlot | undefined {
    for (const source of this.#sources) {
      const slot = source.acquire(needs);
      if (slot) return slot;
    }
    return undefined;
  }

  #demand(id: number, needs: JobNeeds | undefined): void {
    for (const source of this.#sources) source.demand(id, needs);
  }
}
