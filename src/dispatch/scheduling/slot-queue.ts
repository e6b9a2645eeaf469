/**
 * Who runs next, and where: a node's slot if one is free, else a slot of this host, else wait: first come first served,
 * but that a job which will take long stands as much further in front. Pure: events in, grants out. Unaware of what a job is beyond where it may run.
 */

export interface NodePlace {
  readonly kind: 'node';
  readonly node: string;
  /** The lease that the slot is had by; absent for a slot of a node list. */
  readonly lease?: string;
}

export type Place = NodePlace | { readonly kind: 'here' };

/** Where a job may run. */
export interface Choice {
  /** Nodes of lists. */
  readonly eligible: ReadonlySet<string>;
  /** Nodes of lists that may be eligible in a moment. */
  readonly checking: ReadonlySet<string>;
  /** Not on these: they failed it, or are not fit for it. */
  readonly excluded: ReadonlySet<string>;
  /** Any leased slot will do as well. */
  readonly mayLease: boolean;
}

export interface Waiting extends Choice {
  readonly id: number;
  /** Its place in line: when it arrived, less what it is expected to take. The least is the first. */
  readonly rankMs: number;
  /** False while the job would rather wait for a node than run here; the same for all with these `eligible` nodes. */
  readonly mayRunHere: () => boolean;
}

export interface Grant {
  readonly id: number;
  readonly place: Place;
}

/** The nodes' slots; slot-pool.ts has them. */
export interface SlotPool {
  /** Takes a slot of the best node of `eligible`; undefined when none is free. */
  acquire(eligible: ReadonlySet<string>, excluded: ReadonlySet<string>): NodePlace | undefined;
  /** Takes a leased slot. */
  acquireLeased(excluded: ReadonlySet<string>): NodePlace | undefined;
  /** False when no leased slot will come that this job can use. */
  mayLease(id: number, excluded: ReadonlySet<string>): boolean;
  release(place: NodePlace): void;
  /** True when no node has a free slot. */
  readonly isFull: boolean;
}

/** What one pass has found of sets of nodes and need not ask again: one look serves a thousand waiting jobs. */
interface Pass {
  readonly full: Set<ReadonlySet<string>>;
  /** Jobs would rather wait for these than run here. */
  readonly awaited: Set<ReadonlySet<string>>;
}

export class SlotQueue {
  readonly #pool: SlotPool;
  /** In their order. */
  #waiting: Waiting[] = [];
  #localSlots: number;
  #localTaken = 0;
  #remoteTaken = 0;
  #remoteLimit = Number.POSITIVE_INFINITY;

  constructor(pool: SlotPool, localSlots: number) {
    this.#pool = pool;
    this.#localSlots = localSlots;
  }

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

  /** So many jobs on nodes at once at most, however many slots there are; Infinity for no limit. */
  setRemoteLimit(limit: number): Grant[] {
    this.#remoteLimit = limit;
    return this.#grantAll();
  }

  setLocalSlots(slots: number): Grant[] {
    this.#localSlots = slots;
    return this.#grantAll();
  }

  /** A job asks for a slot; the grant may be among the answer. */
  add(waiting: Waiting): Grant[] {
    const at = this.#waiting.findLastIndex(({ rankMs }) => rankMs <= waiting.rankMs);
    this.#waiting.splice(at + 1, 0, waiting);
    return this.#grantAll();
  }

  /** A node's slot for a job that does not wait. None while others do. */
  takeFree(job: Choice): NodePlace | undefined {
    if (this.#waiting.length > 0 || this.#isAtLimit) return undefined;
    const place = this.#acquire(job, new Set());
    if (place) this.#remoteTaken += 1;
    return place;
  }

  /** A job that waited went away. */
  remove(id: number): void {
    const at = this.#waiting.findIndex((waiting) => waiting.id === id);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  release(place: Place): Grant[] {
    if (place.kind === 'here') this.#localTaken -= 1;
    else {
      this.#remoteTaken -= 1;
      this.#pool.release(place);
    }
    return this.#grantAll();
  }

  /** Nodes came, went or changed their slots. `choices` say anew where each waiting job may run. */
  nodesChanged(choices: ReadonlyMap<number, Choice>): Grant[] {
    this.#waiting = this.#waiting.map((waiting) => ({ ...waiting, ...choices.get(waiting.id) }));
    return this.#grantAll();
  }

  /** Slots became free, or what the jobs that wait may expect is another. */
  slotsChanged(): Grant[] {
    return this.#grantAll();
  }

  #grantAll(): Grant[] {
    const grants: Grant[] = [];
    const pass: Pass = { full: new Set(), awaited: new Set() };
    for (const waiting of this.#waiting) {
      if (this.#localTaken >= this.#localSlots && (this.#pool.isFull || this.#isAtLimit)) break;
      const place = this.#placeFor(waiting, pass);
      if (place) grants.push({ id: waiting.id, place });
    }
    if (grants.length > 0) {
      const granted = new Set(grants.map(({ id }) => id));
      this.#waiting = this.#waiting.filter(({ id }) => !granted.has(id));
    }
    return grants;
  }

  #placeFor(waiting: Waiting, { full, awaited }: Pass): Place | undefined {
    const there = this.#isAtLimit ? undefined : this.#acquire(waiting, full);
    if (there) {
      this.#remoteTaken += 1;
      return there;
    }
    const { eligible, excluded } = waiting;
    if (this.#localTaken >= this.#localSlots || (excluded.size === 0 && awaited.has(eligible))) return undefined;
    if (waiting.mayRunHere() || this.#isHomeless(waiting)) {
      this.#localTaken += 1;
      return { kind: 'here' };
    }
    if (excluded.size === 0 && eligible.size > 0) awaited.add(eligible);
    return undefined;
  }

  get #isAtLimit(): boolean {
    return this.#remoteTaken >= this.#remoteLimit;
  }

  #acquire({ eligible, excluded, mayLease }: Choice, full: Set<ReadonlySet<string>>): NodePlace | undefined {
    const leased = mayLease ? this.#pool.acquireLeased(excluded) : undefined;
    if (leased) return leased;
    if (eligible.size === 0 || (excluded.size === 0 && full.has(eligible))) return undefined;
    const listed = this.#pool.acquire(eligible, excluded);
    if (!listed && excluded.size === 0) full.add(eligible);
    return listed;
  }

  /** No node will ever take it. */
  #isHomeless({ id, eligible, checking, excluded, mayLease }: Waiting): boolean {
    if (mayLease && this.#pool.mayLease(id, excluded)) return false;
    // This is asked of each job that waits whenever a slot is free here.
    if (excluded.size < eligible.size + checking.size) return false;
    return [...eligible, ...checking].every((node) => excluded.has(node));
  }
}
