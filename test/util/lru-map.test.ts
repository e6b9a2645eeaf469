import { expect, it } from 'vitest';
import { LruMap } from '../../src/util/lru-map.ts';

it('evicts the entry that was set the longest ago when it is full', () => {
  const map = new LruMap<string, number>(3);
  for (const [index, key] of ['a', 'b', 'c', 'a'].entries()) map.set(key, index);
  expect([...map]).toEqual([
    ['b', 1],
    ['c', 2],
    ['a', 3],
  ]);
  map.set('d', 4);
  expect([...map.keys()]).toEqual(['c', 'a', 'd']);
});
