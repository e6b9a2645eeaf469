import { expect, it } from 'vitest';
import { seededRandom } from '../broker/seeded-random.ts';
import { Invariants } from './invariants.ts';
import { World } from './world.ts';

const seeds = Array.from({ length: 30 }, (_, i) => i + 1);

it.each(seeds)('a holder that is cut off stops before the node gives its slot away, seed %i', (seed) => {
  const random = seededRandom(seed);
  const world = new World(seed);
  // Two jobs at once on n2 would be an Error.
  const invariants = new Invariants(world);
  world.add('n1', 0);
  world.add('n2', 1);
  world.add('n3', 0);
  world.run(2_000);
  const cutOff = world.submit('n1', { user: 'eve', patienceMs: 1_000, durationMs: 60_000 });
  // Somewhere between two renewals.
  world.run(world.nowMs + 100 + random() * 7_000);
  expect(cutOff.state).toBe('running');

  world.host('n1').side = 1;
  const next = world.submit('n3', { user: 'bob', patienceMs: 30_000, durationMs: 100 });
  world.run(world.nowMs + 5_000);
  expect(next.state).toBe('waiting');
  world.run(world.nowMs + 7_000);
  expect(cutOff.state).toBe('lost');
  expect(next.state).toBe('done');
  invariants.check();
});
