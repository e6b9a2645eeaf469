import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../broker/seeded-random.ts';
import { ProbePlacement, type Side } from '../../../src/dispatch/probes/probe-placement.ts';

/**
 * Runs probes one after the other, each side with its own mean time and half of that as noise; returns how many ran on
 * each side.
 */
function run(placement: ProbePlacement, probes: number, meanMs: Readonly<Record<Side, number>>, random: () => number) {
  const went: Record<Side, number> = { local: 0, remote: 0 };
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
    expect(sides).toEqual(['local', 'local', 'remote', 'remote']);
  });

  it('go where they take less time, but for one in sixteen, and follow a change (seeded)', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seededRandom(seed);
      const placement = new ProbePlacement();
      expect(run(placement, 160, { local: 10, remote: 25 }, random).local, `seed ${seed}`).toBeGreaterThanOrEqual(146);
      // This host has become busy; a few probes on a node are needed to notice.
      run(placement, 64, { local: 100, remote: 25 }, random);
      expect(run(placement, 160, { local: 100, remote: 25 }, random).remote, `seed ${seed}`).toBeGreaterThanOrEqual(
        148,
      );
    }
  });

  it('stay here while nothing comes of going there', () => {
    const placement = new ProbePlacement();
    for (let index = 0; index < 10; index += 1) placement.note('local', 5);
    expect(placement.next(false)).toBe('remote');
    // The caller found no free slot.
    placement.note('local', 5);
    expect(placement.next(false)).toBe('remote');
  });

  it('go to a node for the answer, where that is kept and costs no multiple of the time here', () => {
    const placement = new ProbePlacement();
    for (const side of ['local', 'local', 'remote', 'remote'] as const)
      placement.note(side, side === 'local' ? 10 : 30);
    expect([placement.next(false), placement.next(true)]).toEqual(['local', 'remote']);
    for (let index = 0; index < 10; index += 1) placement.note('remote', 50);
    expect(placement.next(true)).toBe('local');
  });
});
