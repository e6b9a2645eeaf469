/** How long to wait before something is tried again. Pure. */

/** Delays after one failure, after two in a row, and so on; the last one repeats. */
export type Delays = readonly [number, ...number[]];

/** The delay after `failures` failures in a row, at least one. */
export function delayAfter(delays: Delays, failures: number): number {
  return delays[Math.max(0, Math.min(failures, delays.length) - 1)] ?? delays[0];
}
