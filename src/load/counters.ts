/**
 * Differences between two readings of kernel counters, including wraparound, resets and devices that come and go.
 * Unaware of what is counted.
 */

/** Counters are unsigned long: 32 bits wide on 32-bit kernels, and some are on 64-bit kernels too. */
const COUNTER_WRAP = 2 ** 32;

/**
 * The increase from `before` to `now`. A counter that fell from the upper half of its 32 bits to the lower half has
 * wrapped. Any other decrease is a correction or a reset (idle and iowait may go backwards, see proc(5)) and counts as
 * zero.
 */
export function counterSteps(before: number, now: number): number {
  if (now >= before) return now - before;
  const wrapped = before < COUNTER_WRAP && before >= COUNTER_WRAP / 2 && now < COUNTER_WRAP / 2;
  return wrapped ? now + COUNTER_WRAP - before : 0;
}

/** Counters of one device, always in the same order. */
type DeviceCounters = readonly number[];
/** Counters by device name. */
export type Devices = ReadonlyMap<string, DeviceCounters>;

/**
 * The increase of each counter, summed over all devices. A new device only sets its starting point, and a removed one
 * counts nothing. A device of which some counters fell and none rose was replaced by another with the same name; it
 * also counts as new, because otherwise a 64-bit counter that restarts would be mistaken for a 32-bit one that wrapped.
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
