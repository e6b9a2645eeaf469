/** The forecast of leased slots; the account's tests show how leases and refusals reach it. */
import { beforeEach, expect, it } from 'vitest';
import { LeaseDemand } from '../../../src/dispatch/leases/lease-demand.ts';
import { NodeOutlooks } from '../../../src/dispatch/leases/node-outlooks.ts';
import { SlotForecast } from '../../../src/dispatch/leases/slot-forecast.ts';
import { UserLeases } from '../../../src/dispatch/leases/user-leases.ts';

const ANY: ReadonlySet<string> = new Set();

let leases: UserLeases;
let nodes: NodeOutlooks;
let demand: LeaseDemand;
let isScarce: boolean;
let forecast: SlotForecast;

beforeEach(() => {
  leases = new UserLeases();
  nodes = new NodeOutlooks();
  demand = new LeaseDemand();
  isScarce = false;
  forecast = new SlotForecast({ leases, nodes, demand, requests: { isScarce: () => isScarce } });
  forecast.linkUp(0);
});

it('is of as many slots as one likes until the broker reports them, and of none to use now', () => {
  expect(forecast.expectedSlots(0)).toBe(Infinity);
  expect(forecast.openSlots(0)).toBe(0);
  expect(forecast.capacity).toBeUndefined();
  forecast.setCapacity(8);
  expect([forecast.expectedSlots(0), forecast.openSlots(0), forecast.capacity]).toEqual([8, 8, 8]);
});

it('is of the held slots while the cluster grants no others, or no broker answers', () => {
  forecast.setCapacity(8);
  leases.add('a', 'n1', true, 0);
  isScarce = true;
  expect([forecast.expectedSlots(0), forecast.openSlots(0)]).toEqual([1, 8]);
  isScarce = false;
  expect(forecast.expectedSlots(0)).toBe(8);
  forecast.linkDown();
  expect([forecast.expectedSlots(0), forecast.openSlots(0), forecast.capacity]).toEqual([1, 1, undefined]);
});

it('is of the held slots once no node can be used, but for a lease that waits for its node', () => {
  forecast.setCapacity(8);
  nodes.set('n1', 'unusable');
  expect(forecast.expectedSlots(0)).toBe(0);
  leases.add('a', 'n2', false, 0);
  expect(forecast.expectedSlots(0)).toBe(8);
});

it('leaves out slots that have been connecting for ten seconds, until a build begins', () => {
  forecast.setCapacity(8);
  leases.add('a', 'n1', false, 0);
  forecast.note(0);
  expect(forecast.nextTickMs(0)).toBe(10_000);
  expect(forecast.expectedSlots(9_000)).toBe(8);
  expect(forecast.expectedSlots(10_000)).toBe(0);
  forecast.renew(10_000);
  expect(forecast.expectedSlots(10_000)).toBe(8);
  expect(forecast.expectedSlots(20_000)).toBe(0);
  forecast.giveBack(5_000, 20_000);
  expect(forecast.expectedSlots(20_000)).toBe(8);
});

it('gives a job hope while the broker has slots that it was not refused, or a node is held that it can use', () => {
  demand.add(1, new Set(['n9']), 0);
  expect(forecast.mayServe(1, ANY)).toBe(true);
  for (const job of demand.choosy) job.isRefused = true;
  expect([forecast.mayServe(1, ANY), forecast.mayServe(2, ANY)]).toEqual([false, true]);
  forecast.setCapacity(0);
  expect(forecast.mayServe(2, ANY)).toBe(false);
  leases.add('a', 'n1', true, 0);
  expect([forecast.mayServe(2, ANY), forecast.mayServe(2, new Set(['n1']))]).toEqual([true, false]);
});
