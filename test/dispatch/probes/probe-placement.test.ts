import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../broker/seeded-random.ts';
import { TrialChoice, type Side } from '../../../src/dispatch/probes/probe-placement.ts';

/**
 * Runs probes one after the other, each side with its own mean time and half of that as noise; returns how many ran on
 * each side.
 */
function run(choice: TrialChoice, trials: number, meanMs: Readonly<Record<Side, number>>, random: () => number) {
  const went: Record<Side, number> = { here: 0, there: 0 };
  for (let index = 0; index < trials; index += 1) {
    const side = choice.next(false);
    went[side] += 1;
    choice.note(side, meanMs[side] * (0.75 + random() / 2));
  }
  return went;
}

describe('trials', () => {
  it('are seen on both sides first, here before there', () => {
    const choice = new TrialChoice();
    const sides = Array.from({ length: 4 }, () => {
      const side = choice.next(false);
      choice.note(side, 1);
      return side;
    });
    expect(sides).toEqual(['here', 'here', 'there', 'there']);
  });

  it('go where they take less time, but for one in sixteen, and follow a change (seeded)', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seededRandom(seed);
      const choice = new TrialChoice();
      expect(run(choice, 160, { here: 10, there: 25 }, random).here, `seed ${seed}`).toBeGreaterThanOrEqual(146);
      // This host has become busy; a few probes on a node are needed to notice.
      run(choice, 64, { here: 100, there: 25 }, random);
      expect(run(choice, 160, { here: 100, there: 25 }, random).there, `seed ${seed}`).toBeGreaterThanOrEqual(148);
    }
  });

  it('stay here while nothing comes of going there', () => {
    const choice = new TrialChoice();
    for (let index = 0; index < 10; index += 1) choice.note('here', 5);
    expect(choice.next(false)).toBe('there');
    // The caller found no free slot.
    choice.note('here', 5);
    expect(choice.next(false)).toBe('there');
  });

  it('go to a node for the answer, where that is kept and costs no multiple of the time here', () => {
    const choice = new TrialChoice();
    for (const side of ['here', 'here', 'there', 'there'] as const) choice.note(side, side === 'here' ? 10 : 30);
    expect([choice.next(false), choice.next(true)]).toEqual(['here', 'there']);
    for (let index = 0; index < 10; index += 1) choice.note('there', 50);
    expect(choice.next(true)).toBe('here');
  });
});
