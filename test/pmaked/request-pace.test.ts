import { expect, it } from 'vitest';
import { RequestPace } from '../../src/pmaked/request-pace.ts';

/** How many requests of a kind are taken within `ms`, by who asks for the next as soon as he may. */
function takenWithin(ms: number, kind: 'cluster' | 'request'): number {
  const pace = new RequestPace(0);
  let [taken, nowMs] = [0, 0];
  for (; nowMs < ms; taken += 1) nowMs += pace.take({ kind }, nowMs);
  return taken;
}

it('lets a build ask for five thousand slots a second, and as many at once', () => {
  expect(takenWithin(1, 'request')).toBeLessThanOrEqual(5_010);
  expect(takenWithin(1_000, 'request')).toBeGreaterThan(9_900);
  expect(takenWithin(10_000, 'request')).toBeLessThan(56_000);
});

it('does not let a user ask for the whole cluster more than a hundred times a second for long', () => {
  expect(takenWithin(10_000, 'cluster')).toBeGreaterThan(1_000);
  expect(takenWithin(10_000, 'cluster')).toBeLessThan(1_120);
});

it('forgets how fast a user was', () => {
  const pace = new RequestPace(0);
  for (let asked = 0; asked < 5_000; asked += 1) expect(pace.take({ kind: 'request' }, 0)).toBe(0);
  expect(pace.take({ kind: 'request' }, 0)).toBe(1);
  expect(pace.take({ kind: 'request' }, 1_000)).toBe(0);
});
