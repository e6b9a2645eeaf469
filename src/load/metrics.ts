/**
 * Load metrics: their names, their units and the direction that is worse. Unaware of where the values come from and of
 * thresholds.
 */

/**
 * The paper's five metrics (PANTS, table 1), then the network (its future work), free memory, and the kernel's pressure
 * stall information (Documentation/accounting/psi.rst).
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
/** The name of a metric. */
export type Metric = (typeof METRICS)[number];

interface MetricInfo {
  readonly unit: '%' | 'blocks/s' | 'switches/s' | 'pages/s' | 'interrupts/s' | 'bytes/s' | 'bytes';
  /** 'less' only for free memory, whose marks are crossed downwards. */
  readonly worse: 'more' | 'less';
}

const METRIC_INFO: Readonly<Record<Metric, MetricInfo>> = {
  /** Of all cores: 100 means that no core is ever idle. */
  cpu: { unit: '%', worse: 'more' },
  /** Blocks of 512 bytes, read and written, as counted by /proc/diskstats and the paper's kernel. */
  io: { unit: 'blocks/s', worse: 'more' },
  switches: { unit: 'switches/s', worse: 'more' },
  /** Pages that a process had to wait for (major faults, from swap or a file), plus pages swapped out. */
  paging: { unit: 'pages/s', worse: 'more' },
  interrupts: { unit: 'interrupts/s', worse: 'more' },
  /** Received and sent, without lo and stacked interfaces. */
  network: { unit: 'bytes/s', worse: 'more' },
  /** Memory available to programs without swapping (MemAvailable). */
  freeMemory: { unit: 'bytes', worse: 'less' },
  /** Share of the time in which some task was waiting for a CPU. */
  cpuPressure: { unit: '%', worse: 'more' },
  ioPressure: { unit: '%', worse: 'more' },
  memoryPressure: { unit: '%', worse: 'more' },
};

/** Values by metric. A metric that the kernel does not provide, or that could not be read, is absent. */
export type Rates = Readonly<Partial<Record<Metric, number>>>;

/** True for the name of a metric. */
export function isMetric(value: unknown): value is Metric {
  return (METRICS as readonly unknown[]).includes(value);
}

/** The unit of the metric's values. */
export function unitOf(metric: Metric): MetricInfo['unit'] {
  return METRIC_INFO[metric].unit;
}

/** True if `value` is beyond `mark` in the metric's worse direction. */
export function isOver(metric: Metric, value: number, mark: number): boolean {
  return METRIC_INFO[metric].worse === 'more' ? value > mark : value < mark;
}
