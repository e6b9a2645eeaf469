import { expect, it } from 'vitest';
import { seededRandom } from '../broker/seeded-random.ts';
import { Invariants } from './invariants.ts';
import { type Host, World } from './world.ts';

const seeds = Array.from({ length: 50 }, (_, i) => i + 1);
const GRANTS_WITHIN_MS = 2_000;

/** What happens to a cluster with this leader. */
const LOSSES: Readonly<Record<string, (world: World, leader: Host, random: () => number) => void>> = {
  'the leader loses power': (world, leader) => world.crash(leader.id),
  'the leader’s broker is killed': (world, leader) => world.stopBroker(leader.id),
  'the leader stands still': (world, leader) => world.pause(leader.id),
  'the leader is cut off': (world, leader) => world.partition((host) => (host === leader ? 1 : 0)),
  'the cluster falls into two': (world, _, random) => world.partition(() => Math.floor(random() * 2)),
};

it.each(Object.keys(LOSSES))('%s: every host, on each side, is granted slots again within two seconds', (what) => {
  for (const seed of seeds) {
    const random = seededRandom(seed);
    const world = new World(seed);
    const invariants = new Invariants(world);
    const count = 3 + Math.floor(random() * 10);
    for (let i = 1; i <= count; i++) world.add(`n${i}`, 2);
    world.run(2_000 + random() * 1_000);
    LOSSES[what]?.(world, invariants.checkOneLeader(), random);
    const up = [...world.hosts.values()].filter((host) => host.broker !== undefined && !host.paused);
    const asks = up.map((host) => world.submit(host.id, { user: host.id, patienceMs: 10_000, durationMs: 100 }));
    world.run(world.nowMs + GRANTS_WITHIN_MS);
    const waiting = asks.filter(({ state }) => state !== 'running' && state !== 'done');
    expect(waiting, `seed ${seed}`).toEqual([]);
    invariants.check();
  }
});
