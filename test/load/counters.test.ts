import { describe, expect, it } from 'vitest';
import { counterSteps, deviceSteps, type Devices } from '../../src/load/counters.ts';

describe('steps of a counter', () => {
  const table: readonly (readonly [string, number, number, number])[] = [
    ['rose', 5, 9, 4],
    ['stood still', 5, 5, 0],
    ['wrapped at 32 bits', 2 ** 32 - 3, 4, 7],
    ['was corrected downwards', 900, 890, 0],
    ['fell far, but not from the upper half', 2 ** 31 - 1, 0, 0],
    ['fell within the upper half', 2 ** 32 - 1, 2 ** 31, 0],
    ['is wider than 32 bits and fell', 2 ** 40, 7, 0],
    ['is wider than 32 bits and rose', 2 ** 40, 2 ** 40 + 7, 7],
  ];
  for (const [name, before, now, steps] of table) {
    it(`that ${name}: ${steps}`, () => expect(counterSteps(before, now)).toBe(steps));
  }
});

describe('steps of devices', () => {
  const devices = (entries: Record<string, number[]>): Devices => new Map(Object.entries(entries));

  it('sum over those that were there before', () => {
    const before = devices({ a: [10, 100], b: [0, 0], gone: [500, 500] });
    const now = devices({ a: [11, 110], b: [2, 0], plugged: [900, 900] });
    expect(deviceSteps(before, now, 2)).toEqual([3, 10]);
  });

  it('take no replaced device for one that wrapped', () => {
    const high = 2 ** 32 - 100;
    expect(deviceSteps(devices({ a: [high, high] }), devices({ a: [0, 0] }), 2)).toEqual([0, 0]);
    expect(deviceSteps(devices({ a: [high, 50] }), devices({ a: [100, 60] }), 2)).toEqual([200, 10]);
  });
});
