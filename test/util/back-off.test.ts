import { expect, test } from 'vitest';
import { delayAfter } from '../../src/util/back-off.ts';

test('the last delay repeats', () => {
  expect([1, 2, 3, 9].map((failures) => delayAfter([10, 20, 50], failures))).toEqual([10, 20, 50, 50]);
});
