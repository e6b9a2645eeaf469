/**
 * Random lives of an account of leases: jobs, a broker that grants, refuses, revokes, dies and returns, and nodes that fail.
 */
import { LeaseAccount, type LeaseEffect } from '../../../src/dispatch/leases/lease-account.ts';
import { seededRandom } from '../../broker/seeded-random.ts';

const NODES = ['n1', 'n2', 'n3'];
const SLOTS_PER_NODE = 2;
const STEPS = 400;
/** Time to finish once faults end: the longest jobs, twice, with all retries in between. */
const QUIET_LIMIT_MS = 30_000;
/** Limit on use without an extension by the broker. */
const USE_LIMIT_MS = 3_000;
/** Limit on use with extensions. */
const EXTEND_LIMIT_MS = 30_000;
/** Idle time that may precede the last job under a lease. */
const LAST_IDLE_MS = 500;

interface Job {
  readonly id: number;
  readonly excluded: ReadonlySet<string>;
  readonly lengthMs: number;
}

interface Granted {
  readonly node: string;
  readonly epoch: number;
  /** When the lease's first job could have started. */
  readyMs: number | undefined;
  releases: number;
}

class Life {
  readonly #random: () => number;
  readonly #account: LeaseAccount;
  readonly #waiting: Job[] = [];
  readonly #running = new Map<string, { readonly endMs: number }>();
  readonly #requests = new Map<number, readonly string[]>();
  readonly #leases = new Map<string, Granted>();
  readonly #extendedUntilMs = new Map<string, number>();
  readonly #upNodes = new Set<string>();
  #violation = '';
  #nowMs = 0;
  #tickMs = Infinity;
  #epoch = 0;
  #isUp = false;
  #nextJob = 1;
  #nextLease = 1;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#account = new LeaseAccount((effect) => this.#hear(effect));
  }

  run(): string {
    for (let step = 0; step < STEPS && this.#violation === ''; step += 1) {
      this.#advance(this.#random() ** 3 * 1_500);
      this.#happen();
      this.#place();
    }
    if (this.#violation !== '') return this.#violation;
    this.#endWell();
    return this.#violation;
  }

  #chance(of: number): boolean {
    return this.#random() < of;
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }

  #happen(): void {
    if (this.#chance(0.6)) this.#arrive();
    if (this.#isUp) this.#answer();
    if (this.#chance(0.05)) this.#depart();
    if (this.#chance(0.1)) this.#turnNode(this.#pick(NODES) ?? 'n1');
    if (this.#chance(0.04)) this.#turnLink();
    if (this.#isUp && this.#chance(0.1)) this.#takeBack();
    if (this.#isUp && this.#chance(0.3)) this.#extend(this.#chance(0.5) ? 4_000 : 0);
  }

  #arrive(): void {
    const id = this.#nextJob++;
    const excluded = new Set(this.#chance(0.1) ? ['n1'] : []);
    this.#waiting.push({ id, excluded, lengthMs: 50 + this.#random() ** 3 * 6_000 });
    this.#account.demand.add(id, excluded, this.#nowMs);
    this.#settle();
  }

  #depart(): void {
    const [job] = this.#waiting.splice(Math.floor(this.#random() * this.#waiting.length), 1);
    if (job) this.#account.demand.remove(job.id);
    this.#settle();
  }

  /** Usually grants free slots; refuses now and then. */
  #answer(): void {
    for (const [id, excluded] of [...this.#requests]) {
      if (this.#chance(0.1) && this.#requests.delete(id)) this.#account.requests.refused(id, this.#nowMs);
      else this.#grant(id, excluded);
      this.#settle();
    }
  }

  #grant(id: number, excluded: readonly string[]): void {
    const free = NODES.filter((node) => !excluded.includes(node) && this.#inUse(node) < SLOTS_PER_NODE);
    const node = this.#pick(free);
    if (node === undefined || !this.#requests.delete(id)) return;
    const lease = `l${this.#nextLease++}`;
    const readyMs = this.#upNodes.has(node) ? this.#nowMs : undefined;
    this.#leases.set(lease, { node, epoch: this.#epoch, readyMs, releases: 0 });
    this.#account.leased(id, lease, node, this.#nowMs);
    this.#settle();
  }

  #inUse(node: string): number {
    return [...this.#leases.values()].filter(
      (lease) => lease.node === node && lease.epoch === this.#epoch && lease.releases === 0,
    ).length;
  }

  #turnNode(node: string): void {
    if (!this.#upNodes.delete(node)) this.#nodeUp(node);
    else if (this.#chance(0.5)) this.#account.noteNode(node, 'unusable', this.#nowMs);
    else this.#nodeAwaited(node);
    this.#settle();
  }

  #nodeAwaited(node: string): void {
    for (const [id, lease] of this.#leases) {
      if (lease.node === node && !this.#running.has(id)) lease.readyMs = undefined;
    }
    this.#account.noteNode(node, 'awaited', this.#nowMs);
  }

  #nodeUp(node: string): void {
    this.#upNodes.add(node);
    for (const lease of this.#leases.values()) if (lease.node === node) lease.readyMs ??= this.#nowMs;
    this.#account.noteNode(node, 'up', this.#nowMs);
    this.#settle();
  }

  #turnLink(): void {
    this.#isUp = !this.#isUp;
    this.#requests.clear();
    this.#epoch += 1;
    if (this.#isUp) {
      this.#account.linkUp(this.#nowMs);
      this.#account.setCapacity(NODES.length * SLOTS_PER_NODE);
    } else {
      this.#account.linkDown(this.#nowMs);
    }
    this.#settle();
  }

  #takeBack(): void {
    const held = [...this.#leases].filter(([, { epoch, releases }]) => epoch === this.#epoch && releases === 0);
    const [lease] = this.#pick(held) ?? [];
    if (lease !== undefined) this.#account.pool.lost(lease, 'evicted');
    this.#settle();
  }

  #extend(forMs: number): void {
    const held = [...this.#leases].filter(([, { epoch, releases }]) => epoch === this.#epoch && releases === 0);
    const some = held.filter(() => this.#chance(0.5)).map(([lease]) => lease);
    for (const lease of some) this.#extendedUntilMs.set(lease, this.#nowMs + forMs);
    this.#account.pool.extend(some, forMs, this.#nowMs);
  }

  #hear(effect: LeaseEffect): void {
    switch (effect.kind) {
      case 'request':
        if (!this.#isUp) this.#break(`request ${effect.id} to no broker`);
        this.#requests.set(effect.id, effect.excluded);
        return;
      case 'cancel':
        this.#requests.delete(effect.id);
        return;
      case 'release': {
        const lease = this.#leases.get(effect.lease);
        if (!lease || lease.releases > 0) this.#break(`${effect.lease} was released twice`);
        else if (lease.epoch !== this.#epoch) this.#break(`${effect.lease} was released to another broker`);
        else if (this.#running.has(effect.lease)) this.#break(`${effect.lease} was released under a job`);
        else lease.releases += 1;
        return;
      }
      case 'stop': {
        const running = this.#running.get(effect.lease);
        if (!running) this.#break(`${effect.lease} was stopped without a job`);
        else this.#running.set(effect.lease, { endMs: this.#nowMs + 100 });
        return;
      }
      case 'held':
        return;
    }
  }

  /** First come, first served. */
  #place(): void {
    for (const job of [...this.#waiting]) {
      const slot = this.#account.acquire(job.excluded, this.#nowMs);
      if (!slot) continue;
      this.#waiting.splice(this.#waiting.indexOf(job), 1);
      this.#account.demand.remove(job.id);
      this.#settle();
      this.#check(slot.lease, job);
      this.#running.set(slot.lease, { endMs: this.#nowMs + job.lengthMs });
    }
  }

  #check(id: string, job: Job): void {
    const lease = this.#leases.get(id);
    if (!lease || lease.releases > 0) this.#break(`${id} is used after its release`);
    else if (this.#running.has(id)) this.#break(`${id} has two jobs`);
    else if (job.excluded.has(lease.node)) this.#break(`job ${job.id} is on a node that failed it`);
    else if (!this.#upNodes.has(lease.node)) this.#break(`${id} is used without a way to its node`);
    else if (lease.epoch === this.#epoch && this.#nowMs > this.#useUntilMs(id, lease) + LAST_IDLE_MS) {
      this.#break(`${id} is used for too long`);
    }
  }

  #useUntilMs(id: string, { readyMs }: Granted): number {
    const sinceMs = readyMs ?? this.#nowMs;
    return Math.max(sinceMs + USE_LIMIT_MS, Math.min(sinceMs + EXTEND_LIMIT_MS, this.#extendedUntilMs.get(id) ?? 0));
  }

  /** Advances to the given time through every event until then. */
  #advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      const ends = [...this.#running].map(([lease, { endMs: at }]) => ({ lease, at }));
      const first = ends.sort((one, other) => one.at - other.at)[0];
      const tickMs = this.#tickMs;
      const next = Math.min(first?.at ?? Infinity, tickMs);
      if (next > endMs) break;
      this.#nowMs = next;
      if (first && first.at <= tickMs) {
        this.#running.delete(first.lease);
        // The lease waits for its node, and can serve again after that.
        const lease = this.#leases.get(first.lease);
        if (lease && !this.#upNodes.has(lease.node)) lease.readyMs = undefined;
        this.#account.pool.release(first.lease, next);
      }
      this.#settle();
      this.#place();
    }
    this.#nowMs = endMs;
  }

  /** Ends the faults: every waiting job is placed, and every lease is returned. */
  #endWell(): void {
    if (!this.#isUp) this.#turnLink();
    for (const node of NODES) this.#nodeUp(node);
    const endMs = this.#nowMs + QUIET_LIMIT_MS + this.#waiting.length * 1_500;
    while (this.#nowMs < endMs && this.#isBusy()) {
      for (const [id, excluded] of [...this.#requests]) this.#grant(id, excluded);
      this.#place();
      this.#advance(10);
    }
    if (this.#waiting.length > 0) this.#break(`${this.#waiting.length} jobs still wait`);
    for (const [id, { epoch, releases }] of this.#leases) {
      if (epoch === this.#epoch && releases !== 1) this.#break(`${id} was released ${releases} times`);
    }
    if (this.#requests.size > 0) this.#break(`${this.#requests.size} requests are open for no job`);
    if (this.#account.pool.leases.size > 0)
      this.#break(`${this.#account.pool.leases.size} leases are held although no job needs them`);
  }

  #settle(): void {
    this.#tickMs = this.#account.settle(this.#nowMs);
  }

  #isBusy(): boolean {
    return this.#waiting.length + this.#running.size + this.#account.pool.leases.size + this.#requests.size > 0;
  }

  #break(what: string): void {
    if (this.#violation === '') this.#violation = `at ${Math.round(this.#nowMs)} ms: ${what}`;
  }
}

/** The first invariant that a life broke, or ''. */
export function findViolation(seed: number): string {
  const violation = new Life(seed).run();
  return violation === '' ? '' : `seed ${seed}, ${violation}`;
}
