/** A random life for a simulated cluster: jobs all the time, and faults at a given rate. */
import { type Host, QUIET_NETWORK, type World } from './world.ts';

export interface FaultPlan {
  /** Mean time between faults. */
  readonly everyMs: number;
  readonly kinds: readonly FaultKind[];
  /** Faults that last do so for this share of the most that is tried; 1 when left out. */
  readonly lasting?: number;
}

export const ALL_FAULTS = [
  'crash',
  'restart-broker',
  'leave',
  'pause',
  'partition',
  'busy',
  'loss',
  'delay',
  'clock-back',
  'clock-ahead',
  'evict',
] as const;
export type FaultKind = (typeof ALL_FAULTS)[number];

/** No machine is up again sooner. Leases from before, which a process may then read, are known to be stale by their age. */
const BOOT_MS = 2_500;

export class Faults {
  readonly #world: World;
  readonly #plan: FaultPlan;
  #on = true;
  count = 0;

  constructor(world: World, plan: FaultPlan) {
    this.#world = world;
    this.#plan = plan;
    this.#next();
  }

  /** Ends all faults that last. */
  stop(): void {
    this.#on = false;
    this.#world.setNetwork(QUIET_NETWORK);
    this.#world.partition(() => 0);
    for (const host of this.#world.hosts.values()) {
      this.#world.resume(host.id);
      if (host.isLeaving) this.#world.stopBroker(host.id);
      this.#world.setState(host.id, { available: true });
      this.#switchOn(host);
    }
  }

  /** At once, or when it can have started after its power went. */
  #switchOn(host: Host): void {
    this.#world.at(Math.max(this.#world.nowMs, host.crashedMs + BOOT_MS), () => this.#world.start(host.id));
  }

  #next(): void {
    const { random, nowMs } = this.#world;
    this.#world.at(nowMs - Math.log(1 - random()) * this.#plan.everyMs, () => {
      if (!this.#on) return;
      this.count++;
      this.#fault();
      this.#next();
    });
  }

  #later(mostMs: number, run: () => void): void {
    const { random, nowMs } = this.#world;
    this.#world.at(nowMs + random() * mostMs * (this.#plan.lasting ?? 1), () => {
      if (this.#on) run();
    });
  }

  #fault(): void {
    const world = this.#world;
    const { random } = world;
    const hosts = [...world.hosts.values()];
    const host = hosts[Math.floor(random() * hosts.length)];
    const kind = this.#plan.kinds[Math.floor(random() * this.#plan.kinds.length)];
    if (host === undefined || kind === undefined) return;
    const { id } = host;
    switch (kind) {
      case 'crash':
        world.crash(id);
        this.#later(5_000, () => this.#switchOn(host));
        break;
      case 'restart-broker':
        world.stopBroker(id);
        this.#later(3_000, () => world.start(id, true));
        break;
      case 'leave':
        world.leave(id);
        this.#later(3_000, () => world.start(id, true));
        break;
      case 'pause':
        world.pause(id);
        this.#later(8_000, () => world.resume(id));
        break;
      case 'partition': {
        const sides = 2 + Math.floor(random() * 2);
        world.partition(() => Math.floor(random() * sides));
        this.#later(6_000, () => world.partition(() => 0));
        break;
      }
      case 'busy':
        world.setState(id, { available: false });
        this.#later(4_000, () => world.setState(id, { available: true }));
        break;
      case 'loss':
        world.setNetwork({ loss: 0.2 * random(), duplication: 0.2 * random() });
        this.#later(10_000, () => world.setNetwork({ loss: 0, duplication: 0 }));
        break;
      case 'delay':
        // Reordering comes with it.
        world.setNetwork({ delayMs: [0.1, 1 + 60 * random()] });
        this.#later(10_000, () => world.setNetwork({ delayMs: QUIET_NETWORK.delayMs }));
        break;
      case 'clock-back':
        world.jumpClock(id, -random() * 100_000);
        break;
      case 'clock-ahead':
        world.jumpClock(id, random() * 100_000);
        break;
      case 'evict':
        world.step(id, { kind: 'evict', count: 1 + Math.floor(random() * host.slots) });
        break;
    }
  }
}

/** Dispatchers on `clients` that keep `parallel` jobs open each. */
export function keepBusy(
  world: World,
  clients: readonly string[],
  options: { readonly parallel: number; readonly durationMs: number; readonly patienceMs: number },
): { stop: () => void } {
  let on = true;
  const fill = (id: string): void => {
    const host = world.host(id);
    if (host.broker !== undefined && !host.paused) {
      // Counted first: an answer can come at once, and the next one as fast.
      for (let missing = options.parallel - host.jobs.size; missing > 0; missing--) {
        const patienceMs = options.patienceMs * world.random();
        const durationMs = options.durationMs * 2 * world.random();
        world.submit(id, { user: `user-${id}`, patienceMs, durationMs });
      }
    }
    world.at(world.nowMs + 20, () => {
      if (on) fill(id);
    });
  };
  clients.forEach(fill);
  return { stop: () => (on = false) };
}
