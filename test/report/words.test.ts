import { expect, test } from 'vitest';
import { byCount, formatCount, formatDuration, formatNumber } from '../../src/report/words.ts';

test.each([
  [0, '0.0 s'],
  [449, '0.4 s'],
  [9_949, '9.9 s'],
  [9_950, '10 s'],
  [59_499, '59 s'],
  [59_999, '1 min 0 s'],
  [125_000, '2 min 5 s'],
  [3_600_000, '1 h 0 min'],
  [8_100_000, '2 h 15 min'],
])('%i ms reads %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  [0, '0'],
  [999, '999'],
  [1_000, '1,000'],
  [1_234_567, '1,234,567'],
])('%i reads %s', (value, text) => {
  expect(formatNumber(value)).toBe(text);
});

test('one and many', () => {
  expect([0, 1, 2].map((count) => formatCount(count, 'job'))).toEqual(['0 jobs', '1 job', '2 jobs']);
  expect(formatCount(2, 'retry', 'retries')).toBe('2 retries');
});

test('the most frequent first, equal ones by name', () => {
  expect(byCount({ b: 1, a: 1, c: 2 })).toEqual([
    ['c', 2],
    ['a', 1],
    ['b', 1],
  ]);
});
