import { describe, expect, it } from 'vitest';
import { NO_OWN_WORK, OwnWorkTracker, type OwnWork } from '../../src/load/own-work.ts';
import type { ProcessCounters } from '../../src/load/proc-process.ts';
import { seededRandom } from '../broker/seeded-random.ts';
import { ProcessWorld } from './process-world.ts';

function look(tracker: OwnWorkTracker, world: ProcessWorld, roots: readonly number[]): OwnWork {
  const present = world.pids();
  const processes = tracker.wanted(present, roots).flatMap((pid) => world.read(pid) ?? []);
  return tracker.update(processes, present, roots);
}

/** A busy machine: `isTidy` when every parent waits for its children before it ends. */
function live(world: ProcessWorld, random: () => number, isTidy: boolean): void {
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const canEnd = (each: ProcessWorld['processes'][number]) =>
    each !== world.init && each.parent !== world.init && (each.children.size === 0 || (!isTidy && random() < 0.1));
  for (let step = 0; step < 60; step++) {
    const alive = world.processes.filter((each) => !each.isZombie);
    const zombies = world.processes.filter((each) => each.isZombie);
    const chance = random();
    if (chance < 0.35) {
      const parent = alive.length < 60 ? pick(alive) : undefined;
      if (parent) world.fork(parent);
    } else if (chance < 0.75) {
      const runner = pick(alive);
      if (runner) world.run(runner, Math.floor(random() * 20));
    } else if (chance < 0.9) {
      const ending = pick(alive.filter(canEnd));
      if (ending) world.exit(ending);
    } else {
      const zombie = pick(zombies);
      if (zombie) world.wait(zombie, !isTidy && random() < 0.1);
    }
  }
}

describe('own work', () => {
  it('is what the trees of the workers used, to the tick, however short-lived their processes', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      const world = new ProcessWorld();
      const tracker = new OwnWorkTracker();
      const roots: number[] = [];
      for (let foreign = 0; foreign < 5; foreign++) world.fork(world.init);
      look(tracker, world, roots);
      for (let interval = 0; interval < 15; interval++) {
        if (interval % 5 === 0) roots.push(world.fork(world.init, true).pid);
        const before = world.ownTicks;
        live(world, random, true);
        const truth = world.ownTicks - before;
        expect(look(tracker, world, roots), `seed ${seed}, interval ${interval}`).toEqual({
          cpuTicks: truth,
          majorFaults: 2 * truth,
          io: { readBlocks: 3 * truth, writtenBlocks: 4 * truth },
        });
      }
    }
  });

  it('is never more than that, though parents die early and do not wait', () => {
    let found = 0;
    let all = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      const world = new ProcessWorld();
      const tracker = new OwnWorkTracker();
      look(tracker, world, []);
      const root = world.fork(world.init, true);
      let sum = 0;
      for (let interval = 0; interval < 15; interval++) {
        live(world, random, false);
        sum += look(tracker, world, [root.pid]).cpuTicks;
        expect(sum, `seed ${seed}`).toBeLessThanOrEqual(world.ownTicks);
      }
      found += sum;
      all += world.ownTicks;
    }
    expect(found / all).toBeGreaterThan(0.8);
  });

  it('begins when a worker is named: what it did before is not this interval, what its new children do is', () => {
    const world = new ProcessWorld();
    const tracker = new OwnWorkTracker();
    const worker = world.fork(world.init, true);
    const job = world.fork(worker);
    world.run(worker, 500);
    world.run(job, 300);
    look(tracker, world, []);
    world.run(job, 7);
    expect(look(tracker, world, [worker.pid]).cpuTicks).toBe(0);
    world.run(job, 11);
    world.run(world.fork(worker), 13);
    expect(look(tracker, world, [worker.pid]).cpuTicks).toBe(24);
  });

  it('counts a worker that began since the last look from its beginning', () => {
    const world = new ProcessWorld();
    const tracker = new OwnWorkTracker();
    look(tracker, world, []);
    const worker = world.fork(world.init, true);
    world.run(worker, 30);
    expect(look(tracker, world, [worker.pid]).cpuTicks).toBe(30);
  });

  it('goes on after the worker is dead, for the jobs that it left', () => {
    const world = new ProcessWorld();
    const tracker = new OwnWorkTracker();
    look(tracker, world, []);
    const worker = world.fork(world.init, true);
    const job = world.fork(worker);
    look(tracker, world, [worker.pid]);
    world.exit(worker);
    world.wait(worker);
    world.run(job, 40);
    expect(look(tracker, world, []).cpuTicks).toBe(40);
    world.exit(job);
    world.wait(job);
    expect(look(tracker, world, [])).toEqual(NO_OWN_WORK);
  });

  it('reads no process without workers, and with them no other process twice', () => {
    const world = new ProcessWorld();
    const tracker = new OwnWorkTracker();
    for (let foreign = 0; foreign < 50; foreign++) world.fork(world.init);
    expect(tracker.wanted(world.pids(), [])).toEqual([]);
    look(tracker, world, []);
    const worker = world.fork(world.init, true).pid;
    expect(tracker.wanted(world.pids(), [worker])).toHaveLength(52);
    look(tracker, world, [worker]);
    const late = world.fork(world.init).pid;
    expect(tracker.wanted(world.pids(), [worker])).toEqual([worker, late]);
  });

  it('does not guess at I/O when one of the processes hides its own', () => {
    const world = new ProcessWorld();
    const tracker = new OwnWorkTracker();
    look(tracker, world, []);
    const worker = world.fork(world.init, true);
    const job = world.fork(worker);
    const hidden = (pid: number): ProcessCounters[] => {
      const read = world.read(pid);
      return read ? [pid === job.pid ? { ...read, io: undefined } : read] : [];
    };
    world.run(job, 5);
    const present = world.pids();
    const processes = tracker.wanted(present, [worker.pid]).flatMap(hidden);
    expect(tracker.update(processes, present, [worker.pid])).toEqual({ cpuTicks: 5, majorFaults: 10, io: undefined });
    // Seen again, but since when is not known.
    expect(look(tracker, world, [worker.pid]).io).toBeUndefined();
    expect(look(tracker, world, [worker.pid]).io).toEqual({ readBlocks: 0, writtenBlocks: 0 });
  });

  it('survives a table that was torn while it was read', () => {
    const loop = (pid: number, parentPid: number): ProcessCounters => ({
      pid,
      parentPid,
      startTicks: 1,
      cpuTicks: 1,
      majorFaults: 0,
      io: undefined,
    });
    const tracker = new OwnWorkTracker();
    tracker.update([], [], []);
    expect(tracker.update([loop(2, 3), loop(3, 2), loop(4, 4)], [2, 3, 4], [9]).cpuTicks).toBe(0);
  });
});
