import { expect, test } from 'vitest';
import { LearnedSpeed } from '../../src/pmaked/learned-speed.ts';

test('a host alone moves a node’s speed by the fourth root of four at most, however often and whatever it says', () => {
  for (const said of [1e9, 1e-9]) {
    const learned = new LearnedSpeed();
    for (let count = 0; count < 1_000; count += 1) learned.note('evil', said);
    const factor = learned.factor(2);
    expect(factor).toBeCloseTo(said > 1 ? Math.SQRT2 : Math.SQRT1_2);
  }
});

test('hosts that agree are believed, the more the closer, and one that says otherwise changes little', () => {
  const learned = new LearnedSpeed();
  for (let host = 0; host < 60; host += 1) learned.note(`n${host}`, 3);
  expect(learned.factor(2)).toBeGreaterThan(1.45);
  const before = learned.factor(2);
  learned.note('evil', 1e-9);
  expect(learned.factor(2) / before).toBeGreaterThan(0.96);
});

test('no number of names takes memory', () => {
  const learned = new LearnedSpeed();
  for (let host = 0; host < 10_000; host += 1) learned.note(`n${host}`, host < 9_936 ? 1_000 : 2);
  expect(learned.factor(2)).toBe(1);
});
