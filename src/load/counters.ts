/**
 * How far a kernel counter went between two readings: wrap, reset and devices that come and go.
 * Unaware of what is counted.
 */

/** Counters are unsigned long: 32 bits wide on 32-bit kernels, and some are on 64-bit ones too. */
const COUNTER_WRAP = 2 ** 32;

/**
 * The steps from `before` to `now`. A counter that fell from the upper half of 32 bits to the lower one has wrapped;
 * any other fall is a correction or a reset (idle and iowait may go back, see proc(5)) and counts as no step.
 */
export function counterSteps(before: number, now: number): number {
  if (now >= before) return now - before;
  const wrapped = before < COUNTER_WRAP && before >= COUNTER_WRAP / 2 && now < COUNTER_WRAP / 2;
  return wrapped ? now + COUNTER_WRAP - before : 0;
}

/** One device's counters, always in the same order. */
type DeviceCounters = readonly number[];
export type Devices = ReadonlyMap<string, DeviceCounters>;

/**
 * The steps of each counter, summed over all devices. A device that was not there before gives only its starting point,
 * one that is gone gives nothing, and one of which no counter rose and some fell was replaced by another of its name:
 * that too is a starting point, or a 64-bit counter that starts anew would be taken for a 32-bit one that wrapped.
 */
export function deviceSteps(before: Devices, now: Devices, width: number): number[] {
  const sums = new Array<number>(width).fill(0);
  for (const [name, counters] of now) {
    const earlier = before.get(name);
    if (!earlier || isReplaced(earlier, counters)) continue;
    for (let at = 0; at < width; at++) {
      sums[at] = (sums[at] ?? 0) + counterSteps(earlier[at] ?? 0, counters[at] ?? 0);
    }
  }
  return sums;
}

function isReplaced(before: DeviceCounters, now: DeviceCounters): boolean {
  const fell = now.some((value, at) => value < (before[at] ?? 0));
  const rose = now.some((value, at) => value > (before[at] ?? 0));
  return fell && !rose;
}
