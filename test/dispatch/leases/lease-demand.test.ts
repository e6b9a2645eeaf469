import { expect, it } from 'vitest';
import { LeaseDemand } from '../../../src/dispatch/leases/lease-demand.ts';

const ANY: ReadonlySet<string> = new Set();

it('is for a slot per job and two ahead while jobs arrive', () => {
  const demand = new LeaseDemand();
  expect(demand.wanted(0)).toBe(0);
  demand.add(1, ANY, 0);
  demand.add(2, ANY, 0);
  expect([demand.wanted(499), demand.wanted(500)]).toEqual([4, 2]);
  expect(demand.quietFromMs).toBe(500);
  demand.noteUse(600);
  expect(demand.wanted(700)).toBe(4);
  expect([demand.remove(1), demand.remove(1)]).toEqual([true, false]);
  expect(demand.waiting).toBe(1);
});

it('does not take the repetition of a job for an arrival', () => {
  const demand = new LeaseDemand();
  expect(demand.add(1, new Set(['n1']), 0)).toBe(true);
  expect(demand.add(1, new Set(['n1']), 400)).toBe(false);
  expect(demand.quietFromMs).toBe(500);
  expect(demand.add(1, new Set(['n2']), 400)).toBe(true);
  expect(demand.quietFromMs).toBe(900);
});

it('counts a job that cannot use every node apart, and as another job when its nodes change', () => {
  const demand = new LeaseDemand();
  demand.add(1, new Set(['n1']), 0);
  demand.add(2, ANY, 0);
  expect(demand.wanted(500)).toBe(1);
  const [before] = demand.choosy;
  demand.add(1, new Set(['n1', 'n2']), 0);
  const [after] = demand.choosy;
  expect(demand.choosy.size).toBe(1);
  expect(after).not.toBe(before);
  demand.add(1, ANY, 0);
  expect(demand.choosy.size).toBe(0);
  expect(demand.wanted(500)).toBe(2);
});

it('forgets what was refused with the broker that refused it', () => {
  const demand = new LeaseDemand();
  demand.add(1, new Set(['n1']), 0);
  for (const job of demand.choosy) job.isRefused = true;
  expect([demand.isRefused(1), demand.isRefused(2)]).toEqual([true, false]);
  demand.forgetRefusals();
  expect(demand.isRefused(1)).toBe(false);
});

it('is served by a slot for one job only, and not by one on an excluded node', () => {
  const demand = new LeaseDemand();
  for (const id of [1, 2, 3]) demand.add(id, new Set([id === 3 ? 'n2' : 'n1']), 0);
  const [first, , third] = demand.choosy;
  expect([...demand.servedBy(['n2'])]).toEqual([first]);
  expect([...demand.servedBy(['n1', 'n2'])]).toEqual([first, third]);
  expect(demand.servedBy([]).size).toBe(0);
});
