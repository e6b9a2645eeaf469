import { describe, expect, it } from 'vitest';
import { LeaderLoadTest } from './leader-load.ts';
import { keepBusy } from './faults.ts';
import { World } from './world.ts';

/** `PMAKE_FIGURES=1` prints what docs/broker.md quotes. */
function say(line: string): void {
  if (process.env.PMAKE_FIGURES !== undefined) console.log(line);
}

describe('at scale', { timeout: 120_000 }, () => {
  it.each([10, 100, 1_000])('a leader of %i nodes grants 2,000 leases a second on one core', (nodes) => {
    const test = new LeaderLoadTest(nodes);
    test.run(2_000, 20);
    const load = test.run(10_000, 20);
    const perSecond = load.leases / (load.busyMs / 1_000);
    say(
      `${nodes} nodes: ${Math.round(perSecond)} leases/s, ${((1_000 * load.busyMs) / load.leases).toFixed(0)} us each, ` +
        `${(load.datagrams / load.leases).toFixed(1)} datagrams and ${Math.round(load.bytes / load.leases)} bytes each`,
    );
    expect(perSecond).toBeGreaterThan(2_000);
  });

  it.each([10, 100, 1_000])(
    '%i nodes: a busy one hears nothing, a free one little, the leader what it must',
    (nodes) => {
      const world = new World(3);
      for (let i = 0; i < nodes; i++) world.add(`n${i}`, 8);
      world.run(3_000);
      const leader = world.leaders()[0]?.id ?? '';
      expect(world.leaders().length).toBe(1);
      expect(world.host(leader).broker?.leader?.list.freeSlots).toBe(nodes * 8);
      const [busy = '', free = ''] = [...world.hosts.keys()].filter((id) => id !== leader);
      world.setState(busy, { available: false });
      world.run(5_000);
      world.countBytes = true;
      const measure = (what: string): void => {
        for (const host of world.hosts.values()) host.datagramsIn = host.bytesIn = 0;
        world.run(world.nowMs + 10_000);
        for (const [name, id] of [
          ['leader', leader],
          ['free node', free],
          ['busy node', busy],
        ] as const) {
          const { datagramsIn, bytesIn } = world.host(id);
          say(`${nodes} nodes, ${what}, ${name}: ${datagramsIn / 10} datagrams/s, ${Math.round(bytesIn / 10)} bytes/s`);
        }
        expect(world.host(busy).datagramsIn).toBe(0);
      };
      measure('at rest');
      expect(world.host(free).datagramsIn / 10).toBeLessThan(8);
      const client = [...world.hosts.keys()].at(-1) ?? '';
      const work = keepBusy(world, [client], {
        parallel: Math.min(nodes * 8, 64),
        durationMs: 500,
        patienceMs: 60_000,
      });
      measure('one build of 64 jobs at once');
      work.stop();
    },
  );
});
