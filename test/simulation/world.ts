/**
 * A simulated cluster: brokers on a network that loses, delays, repeats and reorders, with hosts that crash, pause,
 * restart and are cut off, and dispatchers that run jobs. One seed decides everything.
 */
import { Broker, type BrokerEvent } from '../../src/broker/core/broker.ts';
import { DatagramOpener, DatagramSealer, type Seal } from '../../src/broker/wire/datagram.ts';
import type { Destination, Effect, Group } from '../../src/broker/core/effects.ts';
import type { Message, Peer } from '../../src/broker/core/messages.ts';
import { RESTART_HOLD_MS } from '../../src/broker/core/timing.ts';
import { encodeMessage } from '../../src/broker/wire/wire.ts';
import type { NodeName } from '../../src/protocol/names.ts';
import { seededRandom } from '../broker/seeded-random.ts';
import { EventQueue } from './event-queue.ts';
import { nodeName, userName } from '../rig/names.ts';

export interface Network {
  delayMs: readonly [least: number, most: number];
  /** Chances, 0 to 1. */
  loss: number;
  duplication: number;
}

/** What a dispatcher on a host waits for or runs. */
export interface Job {
  readonly requestId: number;
  readonly askedMs: number;
  readonly patienceMs: number;
  readonly durationMs: number;
  state: 'waiting' | 'running' | 'done' | 'none' | 'lost';
  /** Where it runs, and the machine's life there: after a crash nothing of it runs. */
  nodeId: string;
  life: number;
  lease: string;
}

export class Host {
  readonly id: NodeName;
  broker: Broker | undefined;
  seal: Seal | undefined;
  sealer: DatagramSealer | undefined;
  opener: DatagramOpener | undefined;
  readonly groups = new Set<Group>();
  slots: number;
  speed: number;
  /** What load monitoring says. */
  available = true;
  boots = 0;
  /** How often this machine was switched on. */
  life = 0;
  paused = false;
  /** Hears nothing, but is heard. */
  deaf = false;
  /** It has been told to end, and says so. */
  isLeaving = false;
  /** When its power went last. */
  crashedMs = -Infinity;
  /** When it went on last. */
  pausedUntilMs = -Infinity;
  readonly held: (() => void)[] = [];
  tickMs = Infinity;
  ticksNow = 0;
  clockOffsetMs = 0;
  /** Hosts in other sides are not heard. */
  side = 0;
  /** When its clock jumped ahead last. */
  clockAheadMs = -Infinity;
  lastRequestId = 0;
  readonly jobs = new Map<number, Job>();
  /** Received since the counters were last set to 0. */
  datagramsIn = 0;
  bytesIn = 0;

  constructor(id: NodeName, slots: number, speed: number) {
    this.id = id;
    this.slots = slots;
    this.speed = speed;
  }
}

/** A local network with nothing wrong. */
export const QUIET_NETWORK: Network = { delayMs: [0.1, 0.5], loss: 0, duplication: 0 };
/** How long a broker that was told to go stays to say so, as the daemon does. */
const LEAVE_MS = 500;

const CLUSTER = { cluster: 'sim', key: Buffer.alloc(32, 1) };
/** More ticks without time passing is a timer that never is content. */
const MAX_TICKS_AT_ONCE = 100;
/** Some hundred for each of a thousand hosts. */
const MAX_PENDING = 200_000;
const HEADER_BYTES = 82;

export class World {
  readonly random: () => number;
  readonly hosts = new Map<string, Host>();
  readonly network: Network = { ...QUIET_NETWORK };
  readonly #queue = new EventQueue();
  readonly #useWire: boolean;
  nowMs = 0;
  /** Called after every step of a broker. */
  onStep: (host: Host) => void = () => undefined;
  onJob: (host: Host, job: Job, reason: string) => void = () => undefined;
  /** What a broker says of leases that are in use; jobs here have one each, and go by it only where a test does. */
  onExtend: (host: Host, extension: Extract<Effect, { kind: 'extend' }>) => void = () => undefined;
  /** Called for what goes over the network; not for what a broker says to itself. */
  onSend: (from: Host, to: Destination, message: Message) => void = () => undefined;
  /** When something last happened to hosts or network: until then nothing is promised about the time it takes. */
  changedMs = 0;
  steps = 0;

  /** @param useWire - every message as real, signed datagrams: slow */
  constructor(seed: number, useWire = false) {
    this.random = seededRandom(seed);
    this.#useWire = useWire;
  }

  add(id: string, slots: number, speed = 1): Host {
    const host = new Host(nodeName(id), slots, speed);
    this.hosts.set(id, host);
    this.start(id);
    return host;
  }

  host(id: string): Host {
    const host = this.hosts.get(id);
    if (host === undefined) throw new Error(`no host ${id}`);
    return host;
  }

  /** Switches the machine on, or starts its broker again while its jobs run on. */
  start(id: string, jobsRunOn = false): void {
    const host = this.host(id);
    if (host.broker !== undefined) return;
    this.changed();
    if (!jobsRunOn) host.life++;
    const bootId = ++host.boots;
    host.broker = new Broker({
      nodeId: host.id,
      bootId,
      firstCounter: 1_000 + Math.ceil(this.nowMs),
      random: seededRandom(Math.floor(this.random() * 2 ** 32)),
      nowMs: this.#clock(host),
      holdMs: jobsRunOn ? RESTART_HOLD_MS : 0,
    });
    host.seal = { ...CLUSTER, nodeId: host.id, bootId };
    host.sealer = new DatagramSealer(host.seal, () => this.nowMs);
    host.opener = new DatagramOpener(host.seal, () => this.nowMs);
    this.setState(id, {});
  }

  /** The power goes: broker, dispatcher and the jobs there. */
  crash(id: string): void {
    const host = this.host(id);
    this.stopBroker(id);
    host.jobs.clear();
    host.life++;
    host.crashedMs = this.nowMs;
    for (const other of this.hosts.values()) {
      for (const job of other.jobs.values()) {
        if (job.state === 'running' && job.nodeId === id) this.#nodeDied(other, job);
      }
    }
  }

  /** The dispatcher sees its connection to the node break. */
  #nodeDied(host: Host, job: Job): void {
    const { broker } = host;
    this.at(this.nowMs + 100, () => {
      if (job.state !== 'running' || host.broker !== broker) return;
      this.#endJob(host, job, 'lost', 'node-died');
      this.step(host.id, { kind: 'release', lease: job.lease });
    });
  }

  /** Only the broker dies. A dispatcher stops what it holds by a broker that is gone. */
  stopBroker(id: string): void {
    const host = this.host(id);
    this.changed();
    host.isLeaving = false;
    host.broker = undefined;
    host.groups.clear();
    host.tickMs = Infinity;
    host.paused = false;
    host.held.length = 0;
    host.jobs.clear();
  }

  /** The broker is told to end: it says good-bye first. */
  leave(id: string): void {
    const host = this.host(id);
    const { broker } = host;
    if (host.paused) return;
    this.changed();
    host.isLeaving = true;
    this.step(id, { kind: 'leave' });
    this.at(this.nowMs + LEAVE_MS, () => {
      if (host.broker === broker) this.stopBroker(id);
    });
  }

  /** The processes stand still; what arrives waits. */
  pause(id: string): void {
    this.changed();
    this.host(id).paused = true;
  }

  resume(id: string): void {
    const host = this.host(id);
    if (!host.paused) return;
    this.changed();
    host.paused = false;
    host.pausedUntilMs = this.nowMs;
    this.#step(host, { kind: 'tick' });
    for (const run of host.held.splice(0)) run();
  }

  setState(id: string, change: { available?: boolean; slots?: number; speed?: number }): void {
    const host = this.host(id);
    this.changed();
    Object.assign(host, change);
    const { available, slots, speed } = host;
    this.step(id, { kind: 'node-state', state: { available, slots, speed } });
  }

  /** Puts each host on the side of a partition that `sideOf` says; all on one side is no partition. */
  partition(sideOf: (host: Host) => number): void {
    this.changed();
    for (const host of this.hosts.values()) host.side = sideOf(host);
  }

  setNetwork(change: Partial<Network>): void {
    this.changed();
    Object.assign(this.network, change);
  }

  /** The clock of a host jumps, by less than nothing or more. */
  jumpClock(id: string, byMs: number): void {
    const host = this.host(id);
    if (host.paused) return;
    this.changed();
    // The time between the steps before and after is lost to a clock that goes back, so let that be none.
    this.step(id, { kind: 'tick' });
    host.clockOffsetMs += byMs;
    if (byMs > 0) host.clockAheadMs = this.nowMs;
    this.step(id, { kind: 'tick' });
  }

  changed(): void {
    this.changedMs = this.nowMs;
  }

  /** A dispatcher on `id` wants a slot for a job. */
  submit(id: string, job: { user: string; patienceMs: number; durationMs: number; exclude?: readonly string[] }): Job {
    const host = this.host(id);
    const requestId = ++host.lastRequestId;
    const { patienceMs, durationMs } = job;
    const user = userName(job.user);
    const exclude = (job.exclude ?? []).map(nodeName);
    const made: Job = {
      requestId,
      askedMs: this.nowMs,
      patienceMs,
      durationMs,
      state: 'waiting',
      nodeId: '',
      life: 0,
      lease: '',
    };
    host.jobs.set(requestId, made);
    this.step(id, { kind: 'request', request: { requestId, user, patienceMs, exclude } });
    return made;
  }

  step(id: string, event: BrokerEvent): void {
    const host = this.host(id);
    if (host.paused) host.held.push(() => this.#step(host, event));
    else this.#step(host, event);
  }

  /** Something that happens at a time of this world. */
  at(atMs: number, run: () => void): void {
    this.#queue.add(atMs, run);
  }

  run(untilMs: number): void {
    while (this.#queue.nextMs <= untilMs) {
      const item = this.#queue.take();
      if (item === undefined) break;
      this.nowMs = item.atMs;
      if (this.#queue.size > MAX_PENDING) throw new Error('a storm: more on its way than can ever arrive');
      item.run();
    }
    this.nowMs = untilMs;
  }

  leaders(): Host[] {
    return [...this.hosts.values()].filter((host) => host.broker?.leader !== undefined);
  }

  #clock(host: Host): number {
    return this.nowMs + host.clockOffsetMs;
  }

  #step(host: Host, event: BrokerEvent): void {
    if (host.broker === undefined) return;
    this.steps++;
    const effects = host.broker.step(event, this.#clock(host));
    this.#carryOut(host, effects);
    this.#plan(host);
    this.onStep(host);
  }

  #plan(host: Host): void {
    const { broker } = host;
    if (broker === undefined) return;
    const atMs = Math.max(this.nowMs, broker.nextTickMs - host.clockOffsetMs);
    if (atMs >= host.tickMs || atMs === Infinity) return;
    host.ticksNow = atMs === this.nowMs ? host.ticksNow + 1 : 0;
    if (host.ticksNow > MAX_TICKS_AT_ONCE) throw new Error(`${host.id} ticks without end`);
    host.tickMs = atMs;
    this.#queue.add(atMs, () => {
      if (host.broker !== broker || host.tickMs !== atMs) return;
      host.tickMs = Infinity;
      if (host.paused) return;
      this.#step(host, { kind: 'tick' });
    });
  }

  #carryOut(host: Host, effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#send(host, effect.to, effect.message);
          break;
        case 'subscribe':
          if (effect.on) host.groups.add(effect.group);
          else host.groups.delete(effect.group);
          break;
        case 'leased':
          this.#leased(host, effect);
          break;
        case 'none':
          this.#endJob(host, host.jobs.get(effect.requestId), 'none', effect.reason);
          break;
        case 'lost':
          for (const job of host.jobs.values()) {
            if (job.lease === effect.lease) this.#endJob(host, job, 'lost', effect.reason);
          }
          this.at(this.nowMs, () => this.step(host.id, { kind: 'release', lease: effect.lease }));
          break;
        case 'extend':
          this.onExtend(host, effect);
          break;
        case 'capacity':
        case 'roster':
          // For displays, which the simulation has none of.
          break;
      }
    }
  }

  #leased(host: Host, { requestId, nodeId, lease }: Extract<Effect, { kind: 'leased' }>): void {
    const job = host.jobs.get(requestId);
    if (job?.state !== 'waiting') throw new Error(`${host.id} got a lease for request ${requestId}: ${job?.state}`);
    Object.assign(job, { state: 'running', nodeId, life: this.host(nodeId).life, lease });
    this.onJob(host, job, '');
    const { broker } = host;
    this.at(this.nowMs + job.durationMs, () => {
      if (host.broker === broker) this.end(host, job);
    });
  }

  /** The job ends well, if it still runs, and its slot is given back. */
  end(host: Host, job: Job): void {
    if (job.state !== 'running') return;
    this.#endJob(host, job, 'done', '');
    this.step(host.id, { kind: 'release', lease: job.lease });
  }

  #endJob(host: Host, job: Job | undefined, state: 'done' | 'none' | 'lost', reason: string): void {
    if (job === undefined) return;
    job.state = state;
    host.jobs.delete(job.requestId);
    this.onJob(host, job, reason);
  }

  #send(from: Host, to: Destination, message: Message): void {
    this.onSend(from, to, message);
    const bytes = this.#useWire
      ? from.sealer?.seal([message], to.kind === 'peer' ? to.peer.nodeId : undefined)[0]
      : undefined;
    const { seal } = from;
    if (seal === undefined) return;
    const peer = { nodeId: from.id, bootId: seal.bootId, address: from.id };
    if (to.kind === 'peer') {
      const receiver = this.hosts.get(to.peer.address);
      if (receiver !== undefined) this.#transmit(from, receiver, undefined, peer, message, bytes);
    } else {
      for (const receiver of this.hosts.values()) {
        if (receiver !== from && receiver.groups.has(to.group))
          this.#transmit(from, receiver, to.group, peer, message, bytes);
      }
    }
  }

  #transmit(
    from: Host,
    to: Host,
    group: Group | undefined,
    peer: Peer,
    message: Message,
    bytes: Buffer | undefined,
  ): void {
    const { loss, duplication, delayMs } = this.network;
    const copies = this.random() < duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (loss > 0 && this.random() < loss) continue;
      const [least, most] = delayMs;
      const inMs = least + this.random() * (most - least);
      this.#queue.add(this.nowMs + inMs, () => {
        if (from.side !== to.side || to.deaf || to.broker === undefined) return;
        if (group !== undefined && !to.groups.has(group)) return;
        this.#arrive(to, peer, message, bytes);
      });
    }
  }

  #arrive(to: Host, peer: Peer, message: Message, bytes: Buffer | undefined): void {
    to.datagramsIn++;
    to.bytesIn += bytes?.length ?? HEADER_BYTES + (this.countBytes ? encodeMessage(message).length : 0);
    if (bytes === undefined) {
      this.step(to.id, { kind: 'received', from: peer, message });
      return;
    }
    const opened = to.opener?.open(bytes);
    if (opened?.ok !== true) return;
    for (const one of opened.value.messages) this.step(to.id, { kind: 'received', from: peer, message: one });
  }

  countBytes = false;
}
