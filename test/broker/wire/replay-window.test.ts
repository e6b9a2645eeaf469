import { describe, expect, it } from 'vitest';
import { ReplayWindow } from '../../../src/broker/wire/replay-window.ts';
import { seededRandom } from '../seeded-random.ts';

describe('ReplayWindow', () => {
  it('agrees with a set of everything seen, for any order within the window', () => {
    const random = seededRandom(3);
    const window = new ReplayWindow(1_000);
    const seen = new Set<number>();
    let newest = 0;
    for (let i = 0; i < 20_000; i++) {
      const sequence = Math.max(1, newest + 4 - Math.floor(random() * 45));
      const fresh = !seen.has(sequence) && (newest === 0 || sequence > newest - 32);
      expect(window.admit('n1', 5, sequence, 0)).toBe(fresh ? 'new' : 'old-sequence');
      if (fresh) seen.add(sequence);
      newest = Math.max(newest, fresh ? sequence : 0);
    }
  });

  it('lets a restarted sender begin again, and its earlier boot never again', () => {
    const window = new ReplayWindow(1_000);
    expect(window.admit('n1', 5, 1_000, 0)).toBe('new');
    expect(window.admit('n1', 6, 1, 0)).toBe('new');
    expect(window.admit('n1', 5, 1_001, 0)).toBe('old-boot');
    expect(window.admit('n1', 6, 2, 0)).toBe('new');
  });

  it('tells senders apart', () => {
    const window = new ReplayWindow(1_000);
    expect(window.admit('n1', 5, 1, 0)).toBe('new');
    expect(window.admit('n2', 5, 1, 0)).toBe('new');
    expect(window.admit('n1', 5, 1, 0)).toBe('old-sequence');
  });

  it('stays bounded, forgetting who was silent longest', () => {
    const window = new ReplayWindow(1_000);
    window.admit('quiet', 5, 1, 0);
    for (let i = 0; i < 6_000; i++) {
      window.admit(`n${i}`, 5, 1, 0);
      window.admit('talks', 5, i + 1, 0);
    }
    expect(window.admit('talks', 5, 6_000, 0)).toBe('old-sequence');
    expect(window.admit('quiet', 5, 1, 0)).toBe('new');
  });
});
