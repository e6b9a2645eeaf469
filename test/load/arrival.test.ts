import { expect, test } from 'vitest';
import { ARRIVAL_LIMIT_MS, ArrivalWatch } from '../../src/load/arrival.ts';

test('a worker is on its way from the first lease until it says that it is here', () => {
  const watch = new ArrivalWatch();
  expect(watch.observe(0, 0, 0)).toBe(false);
  expect(watch.observe(2, 0, 1_000)).toBe(true);
  // It came in the course of this sample.
  expect(watch.observe(2, 1, 2_000)).toBe(true);
  expect(watch.observe(2, 1, 3_000)).toBe(false);
  expect(watch.observe(1, 0, 4_000)).toBe(true);
});

test('one that says nothing is on its way for half a minute, though leases come and go', () => {
  const watch = new ArrivalWatch();
  for (let second = 0; second < 60; second += 1) {
    const isArriving = watch.observe(second % 2, 0, second * 1_000);
    expect(isArriving).toBe(second > 0 && second * 1_000 < 1_000 + ARRIVAL_LIMIT_MS);
  }
  expect(watch.observe(1, 0, 60_000 + ARRIVAL_LIMIT_MS)).toBe(true);
});
