import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../broker/seeded-random.ts';
import { ProbePlacement, type Side } from '../../../src/dispatch/probes/probe-placement.ts';

/**
 * Runs probes one after the other, each side with its own mean time and half of that as noise; returns how many ran on
 * each side.
 */
function run(placement: ProbePlacement, probes: number, meanMs: Readonly<Record<Side, number>>, random: () => number) {
  const went: Record<Side, number> = { here: 0, there: 0 };
  for (let index = 0; index < probes; index += 1) {
    const side = placement.next(false);
    went[side] += 1;
    placement.note(side, meanMs[side] * (0.75 + random() / 2));
  }
  return went;
}

describe('option probes', () => {
  it('are seen on both sides first, here before there', () => {
    const placement = new ProbePlacement();
    const sides = Array.from({ length: 4 }, () => {
      const side = placement.next(false);
      placement.note(side, 1);
      return side;
    });
    expect(sides).toEqual(['here', 'here', 'there', 'there']);
  });

  it('go where they take less time, but for one in sixteen, and follow a change (seeded)', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seededRandom(seed);
      const placement = new ProbePlacement();
      expect(run(placement, 160, { here: 10, there: 25 }, random).here, `seed ${seed}`).toBeGreaterThanOrEqual(146);
      // This host has become busy; a few probes on a node are needed to notice.
      run(placement, 64, { here: 100, there: 25 }, random);
      expect(run(placement, 160, { here: 100, there: 25 }, random).there, `seed ${seed}`).toBeGreaterThanOrEqual(148);
    }
  });

  it('stay here while nothing comes of going there', () => {
    const placement = new ProbePlacement();
    for (let index = 0; index < 10; index += 1) placement.note('here', 5);
    expect(placement.next(false)).toBe('there');
    // The caller found no free slot.
    placement.note('here', 5);
    expect(placement.next(false)).toBe('there');
  });

  it('go to a node for the answer, where that is kept and costs no multiple of the time here', () => {
    const placement = new ProbePlacement();
    for (const side of ['here', 'here', 'there', 'there'] as const) placement.note(side, side === 'here' ? 10 : 30);
    expect([placement.next(false), placement.next(true)]).toEqual(['here', 'there']);
    for (let index = 0; index < 10; index += 1) placement.note('there', 50);
    expect(placement.next(true)).toBe('here');
  });
});
