import { expect, test } from 'vitest';
import { Waiters } from '../../../src/broker/core/waiters.ts';
import { nodeName, userName } from '../../rig/names.ts';

const EVE = { nodeId: nodeName('n1'), user: userName('eve') };
const EVE_ELSEWHERE = { nodeId: nodeName('n2'), user: userName('eve') };
const BOB = { nodeId: nodeName('n1'), user: userName('bob') };

test('who waits is named once, however many requests he has, and until the last is gone', () => {
  const waiters = new Waiters();
  for (const waiter of [EVE, EVE, BOB, EVE_ELSEWHERE]) waiters.add(waiter);
  expect(waiters.requests).toBe(4);
  expect(waiters.some(9)).toEqual([EVE, BOB, EVE_ELSEWHERE]);
  expect(waiters.some(2)).toHaveLength(2);
  waiters.remove(EVE);
  expect(waiters.some(9)).toContainEqual(EVE);
  waiters.remove(EVE);
  expect(waiters.some(9)).toEqual([BOB, EVE_ELSEWHERE]);
  expect(() => waiters.remove(EVE)).toThrow(RangeError);
});
