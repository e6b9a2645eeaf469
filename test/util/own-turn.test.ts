import { expect, test } from 'vitest';
import { ownTurn } from '../../src/util/own-turn.ts';

test('no two are given one turn of the event loop, and those that ask first are first', async () => {
  let turn = 0;
  const turns: number[] = [];
  const given = Promise.all([0, 1, 2].map(() => ownTurn().then(() => turns.push(turn))));
  for (; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  await given;
  expect(new Set(turns).size).toBe(3);
  expect(turns).toEqual(turns.toSorted((a, b) => a - b));
});
