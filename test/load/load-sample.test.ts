import { describe, expect, it } from 'vitest';
import { LoadMeter } from '../../src/load/load-sample.ts';
import type { Rates } from '../../src/load/metrics.ts';
import { parseSnapshot } from '../../src/load/snapshot.ts';
import { seededRandom } from '../broker/seeded-random.ts';
import { fixtureSnapshot, machineSnapshot, newMachine, sampleBetween } from './proc-fixture.ts';

const KIB = 1024;

describe('a sample from two snapshots of a kernel', () => {
  const table: readonly { name: string; cores: number; total: Rates }[] = [
    {
      name: 'linux-2.6.9-ide',
      cores: 1,
      total: {
        cpu: 82,
        io: 5_000,
        switches: 6_250,
        paging: 1_000,
        interrupts: 2_500,
        network: 37_500,
        freeMemory: 200_000 * KIB,
      },
    },
    {
      name: 'linux-4.19-server',
      cores: 4,
      total: {
        cpu: 50,
        io: 2_812.5,
        switches: 30_000,
        paging: 20,
        interrupts: 20_000,
        network: 50_000,
        freeMemory: 48_000_000 * KIB,
      },
    },
    {
      name: 'linux-32-bit-wrap',
      cores: 1,
      total: { cpu: 50, io: 55, switches: 1_000, interrupts: 1_000, network: 1_000 },
    },
    { name: 'netns-veth', cores: 1, total: { cpu: 82, switches: 6_250, interrupts: 2_500, network: 5_000 } },
  ];
  for (const { name, cores, total } of table) {
    it(name, () => {
      const sample = sampleBetween(fixtureSnapshot(name, 'before', 0), fixtureSnapshot(name, 'after', 2_000));
      expect(sample.total).toEqual(total);
      expect(sample.foreign).toEqual(total);
      expect(sample.cores).toBe(cores);
    });
  }

  it('tells every metric on a recent one', () => {
    const name = 'linux-6.18-vm';
    const { total } = sampleBetween(fixtureSnapshot(name, 'before', 0), fixtureSnapshot(name, 'after', 1_100));
    expect(total.cpu).toBe(100);
    expect(total.io).toBeCloseTo((384 + 72) / 1.1);
    expect(total.network).toBeCloseTo((462_567 + 4_793) / 1.1);
    expect(total.cpuPressure).toBe(100);
    expect(total.ioPressure).toBeCloseTo(0.543);
    expect(total.memoryPressure).toBe(0);
  });
});

describe('rates', () => {
  it('are the ones that the counters went by, whatever the interval and however far they had got', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const upTo = (most: number) => Math.floor(random() * most);
      const machine = newMachine(1 + upTo(128));
      for (const key of ['switches', 'interrupts', 'readBlocks', 'sentBytes', 'busyTicks', 'idleTicks'] as const) {
        machine[key] = upTo(random() < 0.5 ? 1_000 : 2 ** 40);
      }
      const before = machineSnapshot(machine, 10_000);
      const seconds = 1 + upTo(10);
      const rate = {
        switches: upTo(1e6),
        interrupts: upTo(1e6),
        readBlocks: upTo(1e5),
        writtenBlocks: upTo(1e5),
        majorFaults: upTo(5_000),
        swappedOut: upTo(5_000),
        receivedBytes: upTo(1e8),
        sentBytes: upTo(1e8),
      };
      for (const [key, value] of Object.entries(rate) as [keyof typeof rate, number][]) machine[key] += value * seconds;
      const busy = upTo(101);
      machine.busyTicks += busy * seconds * machine.cores;
      machine.idleTicks += (100 - busy) * seconds * machine.cores;
      const stalledUs = upTo(1_000_000);
      machine.ioStalledUs += stalledUs * seconds;
      machine.availableKib = upTo(16_000_000);

      const { total } = sampleBetween(before, machineSnapshot(machine, 10_000 + 1_000 * seconds));
      const expected: Rates = {
        cpu: busy,
        io: rate.readBlocks + rate.writtenBlocks,
        switches: rate.switches,
        paging: rate.majorFaults + rate.swappedOut,
        interrupts: rate.interrupts,
        network: rate.receivedBytes + rate.sentBytes,
        freeMemory: machine.availableKib * KIB,
        cpuPressure: 0,
        ioPressure: stalledUs / 10_000,
        memoryPressure: 0,
      };
      for (const [metric, value] of Object.entries(expected)) {
        expect(total[metric as keyof Rates], `seed ${seed}, ${metric}`).toBeCloseTo(value, 6);
      }
    }
  });

  it('wait for a second snapshot, and for one that is not at the same moment', () => {
    const meter = new LoadMeter();
    const machine = newMachine(1);
    expect(meter.observe(machineSnapshot(machine, 1_000))).toBeUndefined();
    machine.switches = 500;
    expect(meter.observe(machineSnapshot(machine, 1_005))).toBeUndefined();
    // The one that came too soon does not count as a look: the switches are in the next interval.
    expect(meter.observe(machineSnapshot(machine, 2_000))?.total.switches).toBe(500);
  });

  it('need /proc/stat, and do without the rest', () => {
    const moment = { atMs: 0, monotonicMs: 0 };
    expect(parseSnapshot({ vmstat: 'pgmajfault 1\n' }, moment)).toBeUndefined();
    expect(parseSnapshot({ stat: 'no such thing\n' }, moment)).toBeUndefined();
    const bare = { stat: 'cpu 1 2 3 4\n' };
    const [before, after] = [parseSnapshot(bare, moment), parseSnapshot(bare, { atMs: 9, monotonicMs: 1_000 })];
    expect(before && after && Object.keys(sampleBetween(before, after).total)).toEqual([
      'cpu',
      'switches',
      'interrupts',
    ]);
  });
});

describe('the foreign part', () => {
  /** One core for a second: 80 ticks busy. */
  function machines() {
    const machine = newMachine(1);
    const before = machineSnapshot(machine, 0);
    Object.assign(machine, {
      busyTicks: 80,
      idleTicks: 20,
      switches: 8_000,
      interrupts: 4_000,
      majorFaults: 100,
      swappedOut: 10,
      readBlocks: 1_000,
      writtenBlocks: 600,
      receivedBytes: 800_000,
      cpuStalledUs: 400_000,
      ioStalledUs: 200_000,
      memoryStalledUs: 100_000,
    } satisfies Partial<typeof machine>);
    return { before, after: machineSnapshot(machine, 1_000) };
  }

  it('is the whole without work of ours', () => {
    const { before, after } = machines();
    const { total, foreign } = sampleBetween(before, after);
    expect(foreign).toEqual(total);
  });

  it('leaves out what our jobs used, and shares by CPU time what is not counted by process', () => {
    const { before, after } = machines();
    const io = { readBlocks: 700, writtenBlocks: 500 };
    const { total, foreign } = sampleBetween(before, after, { cpuTicks: 60, majorFaults: 90, io });
    expect(total.cpu).toBe(80);
    expect(foreign).toEqual({
      cpu: 20,
      io: 300 + 100,
      paging: 10 + 10,
      // A quarter of the CPU time was foreign.
      switches: 2_000,
      interrupts: 1_000,
      network: 200_000,
      cpuPressure: 10,
      ioPressure: 5,
      // Of no known process.
      memoryPressure: 10,
      freeMemory: total.freeMemory,
    });
  });

  it('shares out I/O too where our jobs keep theirs from us', () => {
    const { before, after } = machines();
    const { foreign } = sampleBetween(before, after, { cpuTicks: 60, majorFaults: 0, io: undefined });
    expect(foreign.io).toBe(400);
  });

  it('is never below nothing, though the clocks of process and machine differ', () => {
    const { before, after } = machines();
    const io = { readBlocks: 9_000, writtenBlocks: 9_000 };
    const { foreign } = sampleBetween(before, after, { cpuTicks: 81, majorFaults: 500, io });
    expect(foreign).toMatchObject({ cpu: 0, io: 0, paging: 10, switches: 0 });
  });

  it('knows our writes when they reach the disk seconds later, and forgets those that never do', () => {
    const meter = new LoadMeter();
    const machine = newMachine(1);
    let atMs = 0;
    const second = (writtenBlocks: number, ownDirtied: number): number | undefined => {
      atMs += 1_000;
      machine.idleTicks += 100;
      machine.writtenBlocks += writtenBlocks;
      const io = { readBlocks: 0, writtenBlocks: ownDirtied };
      return meter.observe(machineSnapshot(machine, atMs), { cpuTicks: 0, majorFaults: 0, io })?.foreign.io;
    };
    second(0, 0);
    expect(second(0, 10_000)).toBe(0);
    for (let idle = 0; idle < 5; idle++) second(0, 0);
    // Six seconds later: a little is forgotten, the rest is known as ours.
    expect(second(8_000, 0)).toBe(0);
    // The rest of ours is through; this is another process's.
    expect(second(8_000, 0)).toBeGreaterThan(7_500);
    second(0, 10_000);
    for (let idle = 0; idle < 180; idle++) second(0, 0);
    expect(second(5_000, 0)).toBeGreaterThan(4_900);
  });
});
