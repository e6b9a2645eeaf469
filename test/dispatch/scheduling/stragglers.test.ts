import { describe, expect, it } from 'vitest';
import { lateJobs, type RunningRemotely } from '../../../src/dispatch/scheduling/stragglers.ts';

const late = (id: number, forMs: number, expectedMs: number | undefined): RunningRemotely => ({
  id,
  forMs,
  expectedMs,
});
const IDLE = { free: 8, waiting: 0 };

describe('jobs that are started a second time', () => {
  it('are those over twice their time and over two seconds, the latest first', () => {
    const running = [late(1, 1_900, 100), late(2, 2_500, 100), late(3, 9_000, 4_000), late(4, 7_900, 4_000)];
    expect(lateJobs(running, IDLE)).toEqual([3, 2]);
  });

  it('do not include jobs of which nothing is known', () => {
    expect(lateJobs([late(1, 60_000, undefined)], IDLE)).toEqual([]);
  });

  it.each([
    ['jobs wait', { free: 8, waiting: 1 }],
    ['fewer slots are free than jobs run', { free: 1, waiting: 0 }],
    ['no slot is free', { free: 0, waiting: 0 }],
    ['more slots are in use than there are now', { free: -3, waiting: 0 }],
  ])('do not exist while %s', (_, slots) => {
    expect(lateJobs([late(1, 60_000, 10), late(2, 60_000, 10)], slots)).toEqual([]);
  });
});
