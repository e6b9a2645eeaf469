/** Nodes that the fleet counts on, as long as they do not come up. Also covers fleet-member.ts. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Fleet, type ConnectNode } from '../../../src/dispatch/nodes/fleet.ts';
import { ok } from '../../../src/util/result.ts';
import { playWorker } from '../../rig/hostile-worker.ts';
import { hostName } from '../../rig/names.ts';

let fleet: Fleet;
const onChange = vi.fn();

function start(connect: ConnectNode): ReadonlySet<string> {
  const pool = { setNode: () => undefined, removeNode: () => undefined, inFlight: () => 0 };
  fleet = new Fleet({ connect, pool, findMismatch: () => undefined, onChange });
  return fleet.use([
    { name: 'n1', host: hostName('n1'), slots: 2 },
    { name: 'n2', host: hostName('n2') },
  ]);
}

afterEach(() => {
  fleet.close();
});

test('a node that is being connected is counted on until its host is found to be silent', () => {
  const silence = new Map<string, () => void>();
  const names = start(({ name }, _, onSilent) => {
    silence.set(name, onSilent);
    return new Promise<never>(() => undefined);
  });
  expect(fleet.slotsAhead(names, 16)).toBe(18);
  onChange.mockClear();
  silence.get('n2')?.();
  expect(onChange).toHaveBeenCalledOnce();
  expect(fleet.slotsAhead(names, 16)).toBe(2);
  expect([...names].map((name) => fleet.isAwaited(name))).toEqual([true, false]);
  expect(fleet.usable(names)).toEqual(names);
});

describe('a node that takes its time', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test('to accept a login is counted on for ten seconds', async () => {
    const names = start(() => new Promise<never>(() => undefined));
    await vi.advanceTimersByTimeAsync(9_999);
    expect(fleet.slotsAhead(names, 16)).toBe(18);
    await vi.advanceTimersByTimeAsync(2);
    expect(fleet.slotsAhead(names, 16)).toBe(0);
  });

  test('to introduce its worker, and answers pings meanwhile, is refused', async () => {
    start(() => Promise.resolve(ok(playWorker().channel)));
    await vi.advanceTimersByTimeAsync(30_001);
    expect(fleet.status().map(({ state, reason }) => ({ state, reason }))).toEqual(
      ['n1', 'n2'].map(() => ({ state: 'refused', reason: 'its worker did not introduce itself within 30 s' })),
    );
  });
});
