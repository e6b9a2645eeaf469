/**
 * What must be true of a simulated cluster after every step, whatever happens to it, and what must have come true a
 * while after the last fault. A breach is an Error; the test adds the seed.
 */
import { formatTerm } from '../../src/broker/term.ts';
import type { Host, Job, World } from './world.ts';

/** A request's answer may come this much after its patience: the broker's own timers are exact, a sweep is not. */
const LATE_MS = 60;

export class Invariants {
  readonly #world: World;
  /** Who leads, or led, in each term. */
  readonly #terms = new Map<string, string>();
  readonly granted = new Map<string, number>();
  answered = 0;
  ran = 0;
  /** Set when a node's clock ran ahead: then it ends leases early, and jobs overlap until their holders notice. */
  clocksRunAhead = false;

  constructor(world: World) {
    this.#world = world;
    world.onStep = (host) => this.#afterStep(host);
    world.onJob = (host, job, reason) => this.#afterJob(host, job, reason);
  }

  #afterStep(host: Host): void {
    const { broker } = host;
    if (broker === undefined) return;
    const { role, term, inUse } = broker.status;
    if (role === 'leading' && term !== undefined) {
      const key = formatTerm(term);
      const who = `${host.id} boot ${host.boots}`;
      const known = this.#terms.get(key);
      if (known === undefined) this.#terms.set(key, who);
      else if (known !== who) throw new Error(`${who} leads in term ${key}, in which ${known} led`);
    }
    if (inUse > host.slots) throw new Error(`${host.id} has given ${inUse} leases on ${host.slots} slots`);
  }

  #afterJob(host: Host, job: Job, reason: string): void {
    if (job.state === 'running' || job.state === 'none') {
      this.answered++;
      this.#checkPatience(host, job);
    }
    if (job.state === 'running') {
      this.ran++;
      this.granted.set(job.nodeId, (this.granted.get(job.nodeId) ?? 0) + 1);
      if (!this.clocksRunAhead) this.#checkSlots(job.nodeId);
    }
    if (job.state === 'none' && reason === '') throw new Error('none without a reason');
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
  checkAnswered(): void {
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

  /** With no work left: no slot is taken for ever. */
  checkAllAtRest(): void {
    for (const { id, jobs, broker } of this.#world.hosts.values()) {
      if (jobs.size > 0) throw new Error(`${id} still has ${jobs.size} jobs`);
      const inUse = broker?.status.inUse ?? 0;
      if (inUse > 0) throw new Error(`${inUse} slots of ${id} are taken by nobody`);
    }
  }
}
