import { expect, test } from 'vitest';
import { groupBy, chunk } from '../../src/util/lists.ts';

test('groups are in the order of their first item, and keep the order of their items', () => {
  const groups = groupBy(['ab', 'c', 'de', 'f', 'ghi'], (word) => word.length);
  expect([...groups]).toEqual([
    [2, ['ab', 'de']],
    [1, ['c', 'f']],
    [3, ['ghi']],
  ]);
  expect(groupBy([], String)).toEqual(new Map());
});

test('a key may be undefined', () => {
  expect([...groupBy([1, 2, 3], (number) => (number === 2 ? 'two' : undefined))]).toEqual([
    [undefined, [1, 3]],
    ['two', [2]],
  ]);
});

test('parts put together again are the list, and each but the last is full', () => {
  for (let items = 0; items <= 12; items += 1) {
    const list = Array.from({ length: items }, (_, index) => index);
    for (let length = 1; length <= 5; length += 1) {
      const parts = chunk(list, length);
      expect(parts.flat()).toEqual(list);
      expect(parts).toHaveLength(Math.ceil(items / length));
      expect(parts.slice(0, -1).every((part) => part.length === length)).toBe(true);
    }
  }
});
