/** A random life for a simulated cluster: jobs all the time, and faults at a given rate. */
import type { World } from './world.ts';

export interface FaultPlan {
  /** Mean time between faults. */
  readonly everyMs: number;
  readonly kinds: readonly FaultKind[];
}

export const ALL_FAULTS = [
  'crash',
  'restart-broker',
  'pause',
  'partition',
  'busy',
  'loss',
  'delay',
  'clock-back',
  'evict',
] as const;
export type FaultKind = (typeof ALL_FAULTS)[number];

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
    const { network, hosts } = this.#world;
    Object.assign(network, { loss: 0, duplication: 0, delayMs: [0.1, 0.5] });
    for (const host of hosts.values()) {
      host.side = 0;
      this.#world.resume(host.id);
      this.#world.start(host.id);
    }
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
    this.#world.at(nowMs + random() * mostMs, () => {
      if (this.#on) run();
    });
  }

  #fault(): void {
    const world = this.#world;
    const { random, network } = world;
    const hosts = [...world.hosts.values()];
    const host = hosts[Math.floor(random() * hosts.length)];
    const kind = this.#plan.kinds[Math.floor(random() * this.#plan.kinds.length)];
    if (host === undefined || kind === undefined) return;
    const { id } = host;
    switch (kind) {
      case 'crash':
        world.crash(id);
        this.#later(5_000, () => world.start(id));
        break;
      case 'restart-broker':
        world.stopBroker(id);
        this.#later(3_000, () => world.start(id, true));
        break;
      case 'pause':
        world.pause(id);
        this.#later(8_000, () => world.resume(id));
        break;
      case 'partition': {
        const sides = 2 + Math.floor(random() * 2);
        for (const one of hosts) one.side = Math.floor(random() * sides);
        this.#later(6_000, () => hosts.forEach((one) => (one.side = 0)));
        break;
      }
      case 'busy':
        world.setState(id, { available: false });
        this.#later(4_000, () => world.setState(id, { available: true }));
        break;
      case 'loss':
        network.loss = 0.2 * random();
        network.duplication = 0.2 * random();
        this.#later(10_000, () => Object.assign(network, { loss: 0, duplication: 0 }));
        break;
      case 'delay':
        // Reordering comes with it.
        network.delayMs = [0.1, 1 + 60 * random()];
        this.#later(10_000, () => (network.delayMs = [0.1, 0.5]));
        break;
      case 'clock-back':
        if (host.paused) break;
        // The time between the steps before and after is lost to it, so let that be none.
        world.step(id, { kind: 'tick' });
        host.clockOffsetMs -= random() * 100_000;
        world.step(id, { kind: 'tick' });
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
