/** A simulated cluster's whole life: it comes up, works, suffers, is left in peace, and must then be as it should be. */
import { seededRandom } from '../broker/seeded-random.ts';
import { type FaultKind, Faults, keepBusy } from './faults.ts';
import { Invariants } from './invariants.ts';
import { World } from './world.ts';

export interface LifeOptions {
  readonly seed: number;
  /** How long faults go on, and the mean time between two. */
  readonly faultsMs: number;
  readonly everyMs: number;
  readonly kinds: readonly FaultKind[];
  readonly nodes?: number;
}

export interface LifeReport {
  readonly faults: number;
  readonly jobs: number;
  readonly steps: number;
}

/** All breaches are Errors. */
export function live(options: LifeOptions): LifeReport {
  const { seed, everyMs, kinds } = options;
  const random = seededRandom(seed * 7919);
  // Each twentieth with real datagrams, which is slow.
  const world = new World(seed, seed % 20 === 0);
  const invariants = new Invariants(world);
  const count = options.nodes ?? 3 + Math.floor(random() ** 2 * 20);
  const ids = Array.from({ length: count }, (_, i) => `n${i + 1}`);
  for (const id of ids) world.add(id, 1 + Math.floor(random() * 6), 0.5 + random() * 2);
  world.run(2_000);
  invariants.checkFreeList();

  const work = keepBusy(world, ids.slice(0, 1 + Math.floor(random() * 3)), {
    parallel: 1 + Math.floor(random() * 20),
    // In every third life jobs outlast leases, so that these have to be renewed, and end when they cannot be.
    durationMs: seed % 3 === 0 ? 8_000 : 20 + random() * 800,
    patienceMs: 100 + random() * 6_000,
  });
  const faults = new Faults(world, { everyMs, kinds });
  const endMs = world.nowMs + options.faultsMs;
  while (world.nowMs < endMs) {
    world.run(world.nowMs + 500);
    invariants.checkAnswered();
  }
  faults.stop();
  world.run(world.nowMs + 1_000);
  invariants.checkOneLeader();
  work.stop();
  // By then the jobs have ended, and what crashed hosts held has expired.
  world.run(world.nowMs + 22_000);
  invariants.checkAnswered();
  invariants.checkFreeList();
  invariants.checkAllAtRest();
  return { faults: faults.count, jobs: invariants.ran, steps: world.steps };
}
