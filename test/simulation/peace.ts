/**
 * What must be true of hosts that hear each other once nothing has happened to them for a while, also in the middle of
 * a life and on both sides of a partition: one leader, every free slot on its list, and no request that waits next to a
 * free slot.
 */
import type { Host, World } from './world.ts';

/** One leader after the last change; then every free slot on its list, and grants. */
const LEADER_WITHIN_MS = 1_000;
const GRANTS_WITHIN_MS = 2_000;
/** Slower networks than this lose the race against the broker's timers, and nothing is said about how soon then. */
const QUIET_DELAY_MS = 5;

/** What is remembered of a host's slots. */
interface Slots {
  available: boolean;
  /** Numbers that were in use and until when, each less than the one before: the first of a window is its most. */
  readonly most: { inUse: number; untilMs: number }[];
}

export class Peace {
  readonly #world: World;
  readonly #slots = new Map<Host, Slots>();
  /** How often each promise was looked at, so that a test can tell that it was. */
  readonly looks = { leader: 0, list: 0, waiting: 0, divided: 0 };

  constructor(world: World) {
    this.#world = world;
  }

  /** To be told after each step of a broker. */
  onStep(host: Host, available: boolean, inUse: number): void {
    const { nowMs } = this.#world;
    const known = this.#slots.get(host);
    if (known === undefined) {
      this.#slots.set(host, { available, most: [{ inUse, untilMs: Infinity }] });
      return;
    }
    // By itself, too: after a restart a node takes nothing for a while.
    if (known.available !== available) this.#world.changed();
    known.available = available;
    const { most } = known;
    const newest = most.at(-1);
    if (newest?.inUse === inUse) return;
    if (newest !== undefined) newest.untilMs = nowMs;
    while ((most.at(-1)?.inUse ?? Infinity) <= inUse) most.pop();
    most.push({ inUse, untilMs: Infinity });
  }

  check(): void {
    const { network, nowMs, changedMs } = this.#world;
    if (network.loss > 0 || network.delayMs[1] > QUIET_DELAY_MS) return;
    const quietMs = nowMs - changedMs;
    if (quietMs < LEADER_WITHIN_MS) return;
    const sides = this.#sides();
    for (const side of sides) {
      const leader = this.#checkLeader(side);
      if (quietMs < GRANTS_WITHIN_MS || leader === undefined) continue;
      this.#checkList(leader, side);
      this.#checkWaiting(side, sides.length > 1);
    }
  }

  /** Hosts that are up, by the side they are on. */
  #sides(): Host[][] {
    const sides = new Map<number, Host[]>();
    for (const host of this.#world.hosts.values()) {
      if (host.broker === undefined || host.paused) continue;
      const side = sides.get(host.side);
      if (side === undefined) sides.set(host.side, [host]);
      else side.push(host);
    }
    return [...sides.values()];
  }

  #checkLeader(side: readonly Host[]): Host | undefined {
    // Busy hosts neither watch nor stand.
    if (!side.some((host) => host.broker?.status.available === true)) return undefined;
    this.looks.leader++;
    const leaders = side.filter((host) => host.broker?.leader !== undefined);
    if (leaders.length === 1) return leaders[0];
    throw new Error(`leaders of ${names(side)} a second after the last change: ${names(leaders) || 'none'}`);
  }

  #checkList(leader: Host, side: readonly Host[]): void {
    const list = leader.broker?.leader?.list;
    for (const host of side) {
      const slots = this.#slots.get(host);
      if (slots?.available !== true || host.slots === 0) continue;
      this.looks.list++;
      const node = list?.get(host.id);
      const free = host.slots - this.#mostInUse(slots);
      const listed = node?.isUsable === true ? node.report.slots - node.report.inUse : 0;
      if (listed < free) {
        throw new Error(`${host.id} has had ${free} free slots for two seconds, ${leader.id} lists ${listed}`);
      }
    }
  }

  /** Of the last two seconds. */
  #mostInUse({ most }: Slots): number {
    const fromMs = this.#world.nowMs - GRANTS_WITHIN_MS;
    while ((most[0]?.untilMs ?? Infinity) < fromMs) most.shift();
    return most[0]?.inUse ?? 0;
  }

  /** The leader's to see to: a free slot and a request for one do not stay together. */
  #checkWaiting(side: readonly Host[], divided: boolean): void {
    const free = side.find((host) => {
      const slots = this.#slots.get(host);
      return slots?.available === true && this.#mostInUse(slots) < host.slots;
    });
    for (const host of side) {
      for (const job of host.jobs.values()) {
        if (job.state === 'running' && divided) this.looks.divided++;
        if (job.state !== 'waiting') continue;
        this.looks.waiting++;
        const waitedMs = this.#world.nowMs - Math.max(job.askedMs, this.#world.changedMs);
        if (waitedMs < GRANTS_WITHIN_MS || free === undefined) continue;
        throw new Error(`${host.id}'s request ${job.requestId} waits since ${waitedMs} ms, ${free.id} has free slots`);
      }
    }
  }
}

function names(hosts: readonly Host[]): string {
  return hosts.map((host) => host.id).join(' ');
}
