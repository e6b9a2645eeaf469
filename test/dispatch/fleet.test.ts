/** Which nodes are counted on: time is the test's, and no node ever comes up. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Fleet } from '../../src/dispatch/fleet.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a node that is being connected is counted on for five seconds, and on when its host has answered', () => {
  const onChange = vi.fn();
  const answers = new Map<string, () => void>();
  const fleet = new Fleet({
    connect: ({ name }, _, onAnswer) => {
      answers.set(name, onAnswer);
      return new Promise<never>(() => undefined);
    },
    pool: { setNode: () => undefined, removeNode: () => undefined, inFlight: () => 0 },
    findMismatch: () => undefined,
    onChange,
  });
  const names = fleet.use([
    { name: 'n1', host: 'n1', slots: 2 },
    { name: 'n2', host: 'n2' },
  ]);
  expect(fleet.slotsAhead(names, 16)).toBe(18);
  answers.get('n1')?.();
  vi.advanceTimersByTime(4_999);
  expect(fleet.slotsAhead(names, 16)).toBe(18);
  onChange.mockClear();
  vi.advanceTimersByTime(1);
  expect(onChange).toHaveBeenCalledOnce();
  expect(fleet.slotsAhead(names, 16)).toBe(2);
  expect(fleet.usable(names)).toEqual(names);
  fleet.close();
});
