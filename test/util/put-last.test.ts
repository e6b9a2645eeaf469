import { expect, it } from 'vitest';
import { putLast } from '../../src/util/put-last.ts';

it('of a map that is full the entry goes that was put longest ago', () => {
  const map = new Map<string, number>();
  for (const [index, key] of ['a', 'b', 'c', 'a'].entries()) putLast(map, key, index, 3);
  expect([...map]).toEqual([
    ['b', 1],
    ['c', 2],
    ['a', 3],
  ]);
  putLast(map, 'd', 4, 3);
  expect([...map.keys()]).toEqual(['c', 'a', 'd']);
});
