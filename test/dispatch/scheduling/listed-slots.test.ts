import { describe, expect, it } from 'vitest';
import { StaticPool } from '../../../src/dispatch/scheduling/listed-slots.ts';
import { seededRandom } from '../../broker/seeded-random.ts';

const all = new Set(['a', 'b', 'c']);

function pool(...nodes: readonly (readonly [id: string, slots: number, speed?: number])[]): StaticPool {
  const made = new StaticPool(seededRandom(1));
  for (const [id, slots, speed = 1] of nodes) made.setNode({ id, slots, speed });
  return made;
}

function drain(from: StaticPool, eligible = all): Record<string, number> {
  const got: Record<string, number> = {};
  for (let id = from.acquire(eligible); id !== undefined; id = from.acquire(eligible)) got[id] = (got[id] ?? 0) + 1;
  return got;
}

describe('StaticPool', () => {
  it('hands out every slot once and then nothing', () => {
    const p = pool(['a', 3], ['b', 2]);
    expect(p.freeSlots(all)).toBe(5);
    expect(drain(p)).toEqual({ a: 3, b: 2 });
    expect(p.freeSlots(all)).toBe(0);
    p.release('b');
    expect(drain(p)).toEqual({ b: 1 });
  });

  it('prefers free slots times speed, less what is in flight', () => {
    const p = pool(['a', 4, 2], ['b', 4, 1]);
    const first = [p.acquire(all), p.acquire(all)];
    expect(first).toEqual(['a', 'a']);
    // a: 2 free x 2, b: 4 free x 1 is a tie; whichever wins, the other is next.
    expect([p.acquire(all), p.acquire(all)].sort()).toEqual(['a', 'b']);
  });

  it('looks only at eligible nodes that are not excluded', () => {
    const p = pool(['a', 8], ['b', 1], ['c', 1]);
    expect(p.acquire(new Set(['b', 'c']), new Set(['b']))).toBe('c');
    expect(p.acquire(new Set(['b', 'c']), new Set(['b']))).toBeUndefined();
    expect(p.freeSlots(new Set(['b', 'c']))).toBe(1);
  });

  it('breaks ties at random, evenly', () => {
    const counts = new Map<string, number>();
    const p = pool(['a', 1], ['b', 1], ['c', 1]);
    for (let i = 0; i < 3000; i++) {
      const id = p.acquire(all);
      if (id === undefined) throw new Error('three nodes are free');
      counts.set(id, (counts.get(id) ?? 0) + 1);
      p.release(id);
    }
    for (const id of all) expect(counts.get(id)).toBeGreaterThan(900);
  });

  it('keeps count of the slots of a node that goes down and comes back', () => {
    const p = pool(['a', 2]);
    p.acquire(all);
    p.removeNode('a');
    expect(p.acquire(all)).toBeUndefined();
    p.setNode({ id: 'a', slots: 2, speed: 1 });
    expect(p.inFlight('a')).toBe(1);
    expect(drain(p)).toEqual({ a: 1 });
    p.removeNode('a');
    p.release('a');
    p.release('a');
    expect(() => p.release('a')).toThrow(RangeError);
  });

  it('gives nothing more when slots shrink under what is in use', () => {
    const p = pool(['a', 4]);
    for (let i = 0; i < 3; i++) p.acquire(all);
    p.setNode({ id: 'a', slots: 2, speed: 1 });
    expect(p.freeSlots(all)).toBe(0);
    expect(p.acquire(all)).toBeUndefined();
    p.release('a');
    p.release('a');
    expect(p.freeSlots(all)).toBe(1);
  });

  it('never exceeds any limit in a long random run', () => {
    const random = seededRandom(7);
    const p = new StaticPool(random);
    const model = new Map<string, { slots: number; up: boolean; held: number }>();
    const at = (id: string): { slots: number; up: boolean; held: number } => {
      const entry = model.get(id) ?? { slots: 0, up: false, held: 0 };
      model.set(id, entry);
      return entry;
    };
    for (let i = 0; i < 8_000; i++) {
      const id = ['a', 'b', 'c'][Math.floor(random() * 3)] ?? 'a';
      const roll = random();
      if (roll < 0.05) {
        const slots = Math.floor(random() * 5);
        p.setNode({ id, slots, speed: 0.5 + random() });
        Object.assign(at(id), { slots, up: true });
      } else if (roll < 0.1) {
        p.removeNode(id);
        at(id).up = false;
      } else if (roll < 0.6) {
        const got = p.acquire(all);
        const anyFree = [...model.values()].some((node) => node.up && node.held < node.slots);
        expect(got !== undefined).toBe(anyFree);
        if (got === undefined) continue;
        expect(at(got).up).toBe(true);
        expect(++at(got).held).toBeLessThanOrEqual(at(got).slots);
      } else if (at(id).held > 0) {
        p.release(id);
        at(id).held--;
      }
      expect(p.inFlight(id)).toBe(at(id).held);
    }
  });
});
