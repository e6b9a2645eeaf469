/** Which nodes are counted on: time is the test's, and no node ever answers. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Fleet } from '../../src/dispatch/fleet.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a node that is being connected is counted on for five seconds', () => {
  const onChange = vi.fn();
  const pool = { setNode: () => undefined, removeNode: () => undefined, inFlight: () => 0 };
  const silence = new Promise<never>(() => undefined);
  const fleet = new Fleet({ connect: () => silence, pool, findMismatch: () => undefined, onChange });
  const names = fleet.use([
    { name: 'n1', host: 'n1', slots: 2 },
    { name: 'n2', host: 'n2' },
  ]);
  expect(fleet.slotsAhead(names, 16)).toBe(18);
  expect(fleet.slotsAhead(['n1'], 16)).toBe(2);
  onChange.mockClear();
  vi.advanceTimersByTime(4_999);
  expect(fleet.slotsAhead(names, 16)).toBe(18);
  vi.advanceTimersByTime(1);
  expect(fleet.slotsAhead(names, 16)).toBe(0);
  expect(fleet.usable(names)).toEqual(names);
  expect(onChange).toHaveBeenCalled();
  fleet.close();
});
