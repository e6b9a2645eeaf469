/**
 * What must be true of a simulated cluster after every step, whatever happens to it, and what must have come true a
 * while after the last fault. A breach is an Error; the test adds the seed.
 */
import type { Leader } from '../../src/broker/core/leader.ts';
import { formatTerm } from '../../src/broker/core/term.ts';
import { LEASE_TTL_MS } from '../../src/broker/core/timing.ts';
import { Peace } from './peace.ts';
import { Renewals } from './renewals.ts';
import type { Host, Job, World } from './world.ts';

/** A request's answer may come this much after its patience: the broker's own timers are exact, a sweep is not. */
const LATE_MS = 60;

const LIST_WITHIN_MS = 2_000;

export class Invariants {
  readonly #world: World;
  /** Who leads, or led, in each term. */
  readonly #terms = new Map<string, string>();
  readonly #reigns = new WeakSet<Leader>();
  readonly peace: Peace;
  readonly renewals: Renewals;
  ran = 0;

  constructor(world: World) {
    this.#world = world;
    this.peace = new Peace(world);
    this.renewals = new Renewals(world);
    world.onStep = (host) => this.#afterStep(host);
    world.onJob = (host, job, reason) => this.#afterJob(host, job, reason);
  }

  #afterStep(host: Host): void {
    const { broker } = host;
    if (broker === undefined) return;
    const { leader } = broker;
    const { term, inUse, available } = broker.status;
    if (leader !== undefined && term !== undefined && !this.#reigns.has(leader)) {
      this.#reigns.add(leader);
      const key = formatTerm(term);
      const who = `${host.id} boot ${host.boots}`;
      const known = this.#terms.get(key);
      if (known !== undefined) throw new Error(`${who} leads in term ${key}, in which ${known} led`);
      this.#terms.set(key, who);
    }
    if (inUse > host.slots) throw new Error(`${host.id} has given ${inUse} leases on ${host.slots} slots`);
    this.peace.onStep(host, available, inUse);
  }

  #afterJob(host: Host, job: Job, reason: string): void {
    if (job.state === 'running' || job.state === 'none') this.#checkPatience(host, job);
    if (job.state === 'running') {
      this.ran++;
      this.#checkSlots(job.nodeId);
    }
    if (job.state === 'none' && reason === '') throw new Error('none without a reason');
  }

  /** To be called now and then, for what no step shows: that something does not happen. */
  check(): void {
    this.#checkAnswered();
    this.renewals.check();
    this.peace.check();
  }

  #checkPatience(host: Host, job: Job): void {
    const waitedMs = this.#world.nowMs - Math.max(job.askedMs, host.pausedUntilMs);
    if (waitedMs > job.patienceMs + LATE_MS) {
      throw new Error(
        `${host.id}'s request ${job.requestId} waited ${waitedMs} ms, its patience was ${job.patienceMs}`,
      );
    }
  }

  #checkSlots(nodeId: string): void {
    const node = this.#world.host(nodeId);
    // A node whose clock ran ahead ends leases early: jobs overlap until their holders hear of it, or the leases end.
    if (this.#world.nowMs - node.clockAheadMs < LEASE_TTL_MS) return;
    let running = 0;
    for (const host of this.#world.hosts.values()) {
      if (host.paused) continue;
      for (const job of host.jobs.values()) {
        if (job.state === 'running' && job.nodeId === nodeId && job.life === node.life) running++;
      }
    }
    if (running > node.slots) throw new Error(`${nodeId} runs ${running} jobs on ${node.slots} slots`);
  }

  /** No request is without an answer long after its patience. */
  #checkAnswered(): void {
    for (const host of this.#world.hosts.values()) {
      if (host.paused || host.broker === undefined) continue;
      for (const job of host.jobs.values()) if (job.state === 'waiting') this.#checkPatience(host, job);
    }
  }

  /** Hosts that hear each other: one leader, if any of them would take work. */
  checkOneLeader(): Host {
    const leaders = this.#world.leaders();
    const [leader] = leaders;
    if (leader === undefined || leaders.length > 1) {
      throw new Error(`leaders: ${leaders.map((host) => host.id).join(' ') || 'none'}`);
    }
    return leader;
  }

  /** With nothing going on: the leader's list is what the nodes say. */
  checkFreeList(): void {
    const leader = this.checkOneLeader().broker?.leader;
    let free = 0;
    for (const { broker } of this.#world.hosts.values()) {
      if (broker?.status.available === true) free += broker.status.slots - broker.status.inUse;
    }
    const listed = leader?.list.freeSlots ?? 0;
    if (listed !== free) throw new Error(`${listed} free slots on the list, the nodes have ${free}`);
  }

  /** All hosts take work, none is left, and nothing has happened for as long as a leader's list may be wrong. */
  get isAtRest(): boolean {
    for (const { jobs, broker } of this.#world.hosts.values()) {
      if (broker?.status.available !== true || jobs.size > 0 || broker.status.inUse > 0) return false;
    }
    return this.#world.nowMs - this.#world.changedMs > LIST_WITHIN_MS;
  }

  /** With no work left: no slot is taken for ever. */
  checkAllAtRest(): void {
    for (const { id, jobs, broker } of this.#world.hosts.values()) {
      if (jobs.size > 0) throw new Error(`${id} still has ${jobs.size} jobs`);
      const inUse = broker?.status.inUse ?? 0;
      if (inUse > 0) throw new Error(`${inUse} slots of ${id} are taken without a holder`);
    }
  }
}
