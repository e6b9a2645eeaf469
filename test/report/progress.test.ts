import { expect, test } from 'vitest';
import { formatProgress } from '../../src/report/progress.ts';

const IDLE = { finished: 3, runningHere: 0, runningThere: 0, waiting: 0, nodesUp: 2 };

test.each([
  [IDLE, ''],
  [{ ...IDLE, runningThere: 40 }, 'pmake: 3 done, 40 on 2 nodes, 12 s'],
  [
    { ...IDLE, runningThere: 1, nodesUp: 1, runningHere: 1, waiting: 5 },
    'pmake: 3 done, 1 on 1 node, 1 here, 5 waiting, 12 s',
  ],
  [{ ...IDLE, runningHere: 2, nodesUp: 0 }, 'pmake: 3 done, 2 here, 12 s'],
])('%j: %s', (progress, text) => {
  expect(formatProgress(progress, 12_000, 80)).toBe(text);
});

test('it fits the terminal', () => {
  expect(formatProgress({ ...IDLE, runningHere: 2 }, 12_000, 10)).toBe('pmake: 3 d');
  expect(formatProgress({ ...IDLE, runningHere: 2 }, 12_000, -1)).toBe('');
});
