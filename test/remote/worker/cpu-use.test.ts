import { expect, it } from 'vitest';
import { ticksBelow } from '../../../src/remote/worker/cpu-use.ts';

const process = (pid: number, parentPid: number, cpuTicks: number) => ({ pid, parentPid, cpuTicks });

it('counts what a runner has below it, however deep, and not itself', () => {
  const table = [
    process(1, 0, 1_000_000),
    process(10, 1, 500),
    process(11, 10, 1),
    process(12, 11, 2),
    process(13, 12, 4),
    process(14, 11, 8),
    process(20, 1, 600),
    process(21, 20, 16),
    process(30, 1, 700),
  ];
  expect(Object.fromEntries(ticksBelow(table, [10, 20, 30, 40]))).toEqual({ 10: 15, 20: 16, 30: 0, 40: 0 });
});

it('ends where pids that were used again make a circle', () => {
  const table = [process(11, 13, 1), process(12, 11, 2), process(13, 12, 4)];
  expect(ticksBelow(table, [11]).get(11)).toBe(6);
});
