import { expect, it } from 'vitest';
import { CpuWatch } from '../../../src/dispatch/job/cpu-watch.ts';

/** Reports as [ms, CPU time in µs], for a job that began at 0. */
function idleAfter(...reports: readonly (readonly [number, bigint])[]): number | undefined {
  const watch = new CpuWatch(0);
  for (const [nowMs, cpuUs] of reports) watch.note(cpuUs, nowMs);
  return watch.idleMs;
}

const every10s = (count: number, cpuUsAt: (index: number) => bigint) =>
  Array.from({ length: count }, (_, index) => [(index + 1) * 10_000, cpuUsAt(index)] as const);

it.each<[string, readonly (readonly [number, bigint])[], number | undefined]>([
  ['that nothing is known of', [], undefined],
  ['that never used any', every10s(6, () => 0n), 60_000],
  ['that used none for less than a minute', every10s(5, () => 0n), undefined],
  ['that stopped after its first seconds', every10s(7, () => 30_000n), 60_000],
  ['that computes', every10s(20, (index) => BigInt(index)), undefined],
  ['that went on', [...every10s(7, () => 5n), [80_000, 6n]], undefined],
  ['whose process is gone', [...every10s(7, () => 5n), [80_000, 0n]], undefined],
  ['that hangs for long', every10s(31, () => 5n), 300_000],
  ['of which nothing was heard meanwhile', [[10_000, 5n], [90_000, 5n]], undefined], // prettier-ignore
  ['that was heard of again after a gap', [[10_000, 5n], ...every10s(16, () => 5n).slice(8)], 70_000],
])('a job %s', (_, reports, idleMs) => {
  expect(idleAfter(...reports)).toBe(idleMs);
});
