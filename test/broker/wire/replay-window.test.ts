import { describe, expect, it } from 'vitest';
import { ReplayWindow } from '../../../src/broker/wire/replay-window.ts';
import { seededRandom } from '../seeded-random.ts';

describe('ReplayWindow', () => {
  it('agrees with a set of everything seen, for any order within the window', () => {
    const random = seededRandom(3);
    const window = new ReplayWindow();
    const seen = new Set<number>();
    let newest = 0;
    for (let i = 0; i < 20_000; i++) {
      const sequence = Math.max(1, newest + 4 - Math.floor(random() * 45));
      const fresh = !seen.has(sequence) && (newest === 0 || sequence > newest - 32);
      expect(window.admit('n1', 5, sequence)).toBe(fresh);
      if (fresh) seen.add(sequence);
      newest = Math.max(newest, fresh ? sequence : 0);
    }
  });

  it('lets a restarted sender begin anew, and its earlier boot never again', () => {
    const window = new ReplayWindow();
    expect(window.admit('n1', 5, 1_000)).toBe(true);
    expect(window.admit('n1', 6, 1)).toBe(true);
    expect(window.admit('n1', 5, 1_001)).toBe(false);
    expect(window.admit('n1', 6, 2)).toBe(true);
  });

  it('tells senders apart', () => {
    const window = new ReplayWindow();
    expect(window.admit('n1', 5, 1)).toBe(true);
    expect(window.admit('n2', 5, 1)).toBe(true);
    expect(window.admit('n1', 5, 1)).toBe(false);
  });

  it('stays bounded, forgetting who was silent longest', () => {
    const window = new ReplayWindow();
    window.admit('quiet', 5, 1);
    for (let i = 0; i < 6_000; i++) {
      window.admit(`n${i}`, 5, 1);
      window.admit('talks', 5, i + 1);
    }
    expect(window.admit('talks', 5, 6_000)).toBe(false);
    expect(window.admit('quiet', 5, 1)).toBe(true);
  });
});
