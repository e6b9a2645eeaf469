/** Load samples by hand: what is not said is an idle machine of four cores with 16 GB. */
import type { LoadSample } from '../../src/load/load-sample.ts';
import type { Rates } from '../../src/load/metrics.ts';

const IDLE: Rates = {
  cpu: 0,
  io: 0,
  switches: 0,
  paging: 0,
  interrupts: 0,
  network: 0,
  freeMemory: 12e9,
  cpuPressure: 0,
  ioPressure: 0,
  memoryPressure: 0,
};

export interface SampleOptions {
  readonly intervalMs?: number;
  readonly cores?: number;
  /** When more than `foreign` is going on; else both are the same. */
  readonly total?: Rates;
}

export function makeSample(atMs: number, foreign: Rates, options: SampleOptions = {}): LoadSample {
  const rates = { ...IDLE, ...foreign };
  return {
    atMs: 1_700_000_000_000 + atMs,
    monotonicMs: atMs,
    intervalMs: options.intervalMs ?? 1_000,
    cores: options.cores ?? 4,
    memoryTotalBytes: 16e9,
    foreign: rates,
    total: { ...rates, ...options.total },
  };
}
