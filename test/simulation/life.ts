/** A simulated cluster's whole life: it comes up, works, suffers, is left in peace, and must then be as it should be. */
import { seededRandom } from '../broker/seeded-random.ts';
import { ALL_FAULTS, type FaultPlan, Faults, keepBusy } from './faults.ts';
import { Invariants } from './invariants.ts';
import { World } from './world.ts';

export interface LifeOptions extends FaultPlan {
  readonly seed: number;
  /** How long faults go on. */
  readonly faultsMs: number;
  readonly nodes: number;
  /** Jobs that each client keeps open. */
  readonly parallel: number;
  /** Of jobs, in the mean. Those that outlast leases have to be renewed, and end when they cannot be. */
  readonly jobMs: number;
  /** Every message as real, signed datagrams: slow. */
  readonly useWire?: boolean;
}

export interface LifeReport {
  readonly faults: number;
  readonly jobs: number;
  readonly steps: number;
  /** How often each promise of peace was looked at, and the leases' ends. */
  readonly looks: Readonly<Record<'leader' | 'list' | 'waiting' | 'divided' | 'leases', number>>;
}

/** How often what no step shows is looked at. */
const LOOK_EVERY_MS = 250;
/** After the last fault: by then the jobs have ended, and what crashed hosts held has expired. */
const REST_MS = 23_000;

/** A life as the seed has it: of few nodes, and short. */
export function shortLife(seed: number): LifeOptions {
  const random = seededRandom(seed * 104_729);
  return {
    seed,
    nodes: 3 + Math.floor(random() ** 2 * 7),
    parallel: 1 + Math.floor(random() * 6),
    jobMs: seed % 5 === 0 ? 5_000 : 20 + random() * 500,
    faultsMs: 5_000,
    // From one after the other to long enough apart for the cluster to come to rest in between.
    everyMs: 150 + random() ** 2 * 1_500,
    lasting: random(),
    // In some nothing else gets into the way of a partition's sides.
    kinds: seed % 4 === 0 ? ['partition', 'busy'] : ALL_FAULTS,
  };
}

/** A life as the seed has it: of up to 22 nodes, and long. */
export function longLife(seed: number): LifeOptions {
  const random = seededRandom(seed * 7_919);
  return {
    seed,
    nodes: 3 + Math.floor(random() ** 2 * 20),
    parallel: 1 + Math.floor(random() * 20),
    jobMs: seed % 3 === 0 ? 8_000 : 20 + random() * 800,
    faultsMs: 40_000,
    everyMs: 700,
    kinds: ALL_FAULTS,
    useWire: seed % 20 === 0,
  };
}

/** All breaches are Errors that name the seed. */
export function live(options: LifeOptions): LifeReport {
  try {
    return liveThrough(options);
  } catch (cause) {
    throw new Error(`seed ${options.seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function liveThrough(options: LifeOptions): LifeReport {
  const { seed, nodes, parallel, jobMs } = options;
  const random = seededRandom(seed * 7919);
  const world = new World(seed, options.useWire);
  const invariants = new Invariants(world);
  const ids = Array.from({ length: nodes }, (_, i) => `n${i + 1}`);
  for (const id of ids) world.add(id, 1 + Math.floor(random() * 6), 0.5 + random() * 2);
  world.run(2_000);
  invariants.checkFreeList();

  const watch = (forMs: number) => {
    const endMs = world.nowMs + forMs;
    while (world.nowMs < endMs) {
      world.run(Math.min(endMs, world.nowMs + LOOK_EVERY_MS));
      invariants.check();
    }
  };
  const clients = ids.slice(0, 1 + Math.floor(random() * 3));
  const work = keepBusy(world, clients, { parallel, durationMs: jobMs, patienceMs: 100 + random() * 6_000 });
  const faults = new Faults(world, options);
  watch(options.faultsMs);
  faults.stop();
  watch(1_000);
  work.stop();
  for (let restMs = 0; restMs < REST_MS && !invariants.isAtRest; restMs += 1_000) watch(1_000);
  invariants.checkFreeList();
  invariants.checkAllAtRest();
  const { peace, renewals, ran } = invariants;
  const looks = { ...peace.looks, leases: renewals.checked };
  return { faults: faults.count, jobs: ran, steps: world.steps, looks };
}
