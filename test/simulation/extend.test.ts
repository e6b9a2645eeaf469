import { expect, it } from 'vitest';
import { seededRandom } from '../broker/seeded-random.ts';
import { Invariants } from './invariants.ts';
import { type Host, type Job, World } from './world.ts';

const seeds = Array.from({ length: 40 }, (_, i) => i + 1);
/** A dispatcher's own limit where it hears nothing (lease-pool.ts). */
const USE_LIMIT_MS = 3_000;
const JOB_MS = 400;
/** A heartbeat, the longest job, and the network between them; less than a dispatcher waits before it compiles at home. */
const SHARED_WITHIN_MS = 200 + JOB_MS + 100;

/** A user who has more jobs than there are slots, and gives none back that he may keep. */
class Hog {
  readonly #world: World;
  readonly #host: Host;
  readonly #random: () => number;
  readonly #extendedUntilMs = new Map<string, number>();
  /** Slots that were given to him, ever. */
  given = 0;

  constructor(world: World, id: string, random: () => number) {
    this.#world = world;
    this.#host = world.host(id);
    this.#random = random;
    world.onExtend = (host, { leases, forMs }) => {
      if (host !== this.#host) return;
      for (const lease of leases) this.#extendedUntilMs.set(lease, world.nowMs + forMs);
    };
  }

  ask(): void {
    const { id } = this.#host;
    this.#world.submit(id, { user: id, patienceMs: 600_000, durationMs: 600_000 });
  }

  /** A slot is his. */
  use(job: Job): void {
    this.given++;
    this.#next(job, this.#world.nowMs + USE_LIMIT_MS);
  }

  #next(job: Job, untilMs: number): void {
    const endMs = this.#world.nowMs + this.#random() * JOB_MS;
    this.#world.at(endMs, () => {
      if (endMs < Math.max(untilMs, this.#extendedUntilMs.get(job.lease) ?? 0)) {
        this.#next(job, untilMs);
        return;
      }
      this.#world.end(this.#host, job);
      this.ask();
    });
  }
}

it.each(seeds)('slots are kept while no other user waits, and shared as soon as one does, seed %i', (seed) => {
  const random = seededRandom(seed);
  const world = new World(seed);
  const invariants = new Invariants(world);
  const nodes = 2 + Math.floor(random() * 8);
  const slots = 1 + Math.floor(random() * 3);
  world.add('hog', 0);
  world.add('late', 0);
  for (let i = 1; i <= nodes; i++) world.add(`n${i}`, slots);
  const hog = new Hog(world, 'hog', random);
  const { onJob } = world;
  world.onJob = (host, job, reason) => {
    onJob(host, job, reason);
    if (host.id === 'hog' && job.state === 'running') hog.use(job);
  };
  world.run(2_000);
  const all = nodes * slots;
  for (let i = 0; i < all + 5; i++) hog.ask();
  world.run(world.nowMs + 5_000);
  const before = hog.given;
  world.run(world.nowMs + 60_000);
  expect(hog.given).toBe(before);

  const late = Array.from({ length: Math.floor(all / 2) }, () =>
    world.submit('late', { user: 'late', patienceMs: 60_000, durationMs: 60_000 }),
  );
  world.run(world.nowMs + SHARED_WITHIN_MS);
  expect(late.map(({ state }) => state)).toEqual(late.map(() => 'running'));
  invariants.check();
});
