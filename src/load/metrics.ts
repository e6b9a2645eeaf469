/**
 * What a node's load is measured in: the names, their units, and which way is worse.
 * Unaware of where the figures come from and of what is too much.
 */

/**
 * The paper's five (PANTS, table 1), then the network (its future work), free memory and the kernel's
 * pressure stall information (Documentation/accounting/psi.rst).
 */
export const METRICS = [
  'cpu',
  'io',
  'switches',
  'paging',
  'interrupts',
  'network',
  'freeMemory',
  'cpuPressure',
  'ioPressure',
  'memoryPressure',
] as const;
export type Metric = (typeof METRICS)[number];

interface MetricInfo {
  readonly unit: '%' | 'blocks/s' | 'switches/s' | 'pages/s' | 'interrupts/s' | 'bytes/s' | 'bytes';
  /** 'less' only for free memory: its mark is crossed downwards. */
  readonly worse: 'more' | 'less';
}

const METRIC_INFO: Readonly<Record<Metric, MetricInfo>> = {
  /** Of all cores together: 100 is a machine that never idles. */
  cpu: { unit: '%', worse: 'more' },
  /** Blocks of 512 bytes, read and written, as /proc/diskstats and the kernel of the paper count them. */
  io: { unit: 'blocks/s', worse: 'more' },
  switches: { unit: 'switches/s', worse: 'more' },
  /** Pages that a process had to wait for (major faults, from swap or file) and pages swapped out. */
  paging: { unit: 'pages/s', worse: 'more' },
  interrupts: { unit: 'interrupts/s', worse: 'more' },
  /** Received and sent, lo and stacked interfaces left out. */
  network: { unit: 'bytes/s', worse: 'more' },
  /** What programs can still get without swapping (MemAvailable). */
  freeMemory: { unit: 'bytes', worse: 'less' },
  /** Share of the time in which some task waited for a CPU. */
  cpuPressure: { unit: '%', worse: 'more' },
  ioPressure: { unit: '%', worse: 'more' },
  memoryPressure: { unit: '%', worse: 'more' },
};

/** Values by metric. One that this kernel does not tell, or that could not be read, is absent. */
export type Rates = Readonly<Partial<Record<Metric, number>>>;

export function isMetric(value: unknown): value is Metric {
  return (METRICS as readonly unknown[]).includes(value);
}

export function unitOf(metric: Metric): MetricInfo['unit'] {
  return METRIC_INFO[metric].unit;
}

/** True when `value` is beyond `mark` in the direction in which this metric gets worse. */
export function isOver(metric: Metric, value: number, mark: number): boolean {
  return METRIC_INFO[metric].worse === 'more' ? value > mark : value < mark;
}
