/** How load metrics look in tables: a title for each, values in their unit. Pure. */
import type { Metric } from '../load/metrics.ts';
import { formatCompact } from './words.ts';

const PRESSURES: ReadonlySet<string> = new Set<Metric>(['cpuPressure', 'ioPressure', 'memoryPressure']);

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

export function isPressure(metric: string): boolean {
  return PRESSURES.has(metric);
}

/** `3%`, `23.5k`, `1.5G`. */
export function formatMetric(metric: string, value: number): string {
  if (metric === 'cpu' || isPressure(metric)) return `${Math.round(value)}%`;
  return metric === 'freeMemory' ? formatCompact(value, 1_024) : formatCompact(value);
}
