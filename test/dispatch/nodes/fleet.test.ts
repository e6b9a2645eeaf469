/** Nodes that the fleet counts on. No node ever comes up. */
import { expect, test, vi } from 'vitest';
import { Fleet } from '../../../src/dispatch/nodes/fleet.ts';
import { hostName } from '../../rig/names.ts';

test('a node that is being connected is counted on until its host is found to be silent', () => {
  const onChange = vi.fn();
  const silence = new Map<string, () => void>();
  const fleet = new Fleet({
    connect: ({ name }, _, onSilent) => {
      silence.set(name, onSilent);
      return new Promise<never>(() => undefined);
    },
    pool: { setNode: () => undefined, removeNode: () => undefined, inFlight: () => 0 },
    findMismatch: () => undefined,
    onChange,
  });
  const names = fleet.use([
    { name: 'n1', host: hostName('n1'), slots: 2 },
    { name: 'n2', host: hostName('n2') },
  ]);
  expect(fleet.slotsAhead(names, 16)).toBe(18);
  onChange.mockClear();
  silence.get('n2')?.();
  expect(onChange).toHaveBeenCalledOnce();
  expect(fleet.slotsAhead(names, 16)).toBe(2);
  expect([...names].map((name) => fleet.isAwaited(name))).toEqual([true, false]);
  expect(fleet.usable(names)).toEqual(names);
  fleet.close();
});
