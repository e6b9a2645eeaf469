/** Load metrics in tables: a title for each, and values in their unit. Pure. */
import { type Metric, unitOf } from '../load/metrics.ts';
import { formatCompact } from './words.ts';

/** The column titles. */
export const METRIC_TITLES: Readonly<Record<Metric, string>> = {
  cpu: 'CPU',
  io: 'I/O',
  switches: 'SWITCHES',
  paging: 'PAGES',
  interrupts: 'INTERRUPTS',
  network: 'NETWORK',
  freeMemory: 'FREE',
  cpuPressure: 'CPU STALL',
  ioPressure: 'I/O STALL',
  memoryPressure: 'MEM STALL',
};

/** `3%`, `23.5k`, `1.5G`. */
export function formatMetric(metric: Metric, value: number): string {
  const unit = unitOf(metric);
  if (unit === '%') return `${Math.round(value)}%`;
  return formatCompact(value, unit === 'bytes' ? 1_024 : 1_000);
}
