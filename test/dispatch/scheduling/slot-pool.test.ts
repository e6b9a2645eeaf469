import { describe, expect, it } from 'vitest';
import { NodeSlots } from '../../../src/dispatch/scheduling/slot-pool.ts';

const ALL = new Set(['n1', 'n2']);
const NONE: ReadonlySet<string> = new Set();

/** A pool in which the given slots are leased. */
function slotsWith(leases: ReadonlyMap<string, number>, speeds: ReadonlyMap<string, number> = new Map()): NodeSlots {
  const held = (node: string): number => leases.get(node) ?? 0;
  return new NodeSlots({ random: () => 0, speedOf: (node) => speeds.get(node) ?? 1, leased: { held, inUse: held } });
}

describe('the slots of a listed node', () => {
  it('are fewer by those that are leased, so that no slot has two jobs', () => {
    const held = new Map([['n1', 1]]);
    const slots = slotsWith(held);
    slots.setNode('n1', 2);
    expect(slots.acquire(ALL, NONE)).toBe('n1');
    expect(slots.acquire(ALL, NONE)).toBeUndefined();
    expect(slots.inFlight('n1')).toBe(2);
    held.delete('n1');
    slots.refresh('n1');
    expect(slots.acquire(ALL, NONE)).toBeDefined();
  });

  it('are 0 while it is down, whatever changes meanwhile', () => {
    const slots = slotsWith(new Map());
    slots.setNode('n1', 2);
    slots.removeNode('n1');
    slots.refresh('n1');
    expect(slots.isFull).toBe(true);
  });

  it('are worth more on a faster node', () => {
    const speeds = new Map([['n1', 1]]);
    const slots = slotsWith(new Map(), speeds);
    slots.setNode('n1', 2);
    slots.setNode('n2', 2);
    speeds.set('n2', 3);
    slots.refresh('n2');
    const nodes = [1, 2].map(() => slots.acquire(ALL, NONE));
    expect(nodes).toEqual(['n2', 'n2']);
  });
});
