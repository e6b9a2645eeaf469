/**
 * Reduces the load log to the paper's figures: each metric's mean and standard deviation across the nodes, over time
 * and overall (PANTS, figures 3 to 10). A small deviation means that load is shared well. Pure. Takes lines one at a
 * time in any order, and stores one cell per node and bucket rather than the samples.
 */
import type { LogLine, SampleLine } from './load-log.ts';
import { METRICS, type Metric, type Rates } from './metrics.ts';

/** Distribution of a metric across the nodes. */
export interface Spread {
  /** Mean of the nodes' means in the bucket. */
  readonly mean: number;
  /** Deviation across those nodes, not across time; divided by n because they are the whole population. */
  readonly deviation: number;
  readonly least: number;
  readonly most: number;
  readonly nodes: number;
}
type Spreads = Readonly<Partial<Record<Metric, Spread>>>;

/** One bucket of the report. */
export interface ReportRow {
  /** Start of the bucket, ms since the epoch. */
  readonly atMs: number;
  readonly spreads: Spreads;
}

/** The reduced log. */
export interface LoadReport {
  readonly rows: readonly ReportRow[];
  /**
   * All of the time as one bucket. The deviation is the mean of the rows' deviations, which is how the paper compares
   * its figures.
   */
  readonly overall: Spreads;
  /** Each node's means over all of the time, by its name. */
  readonly nodes: Readonly<Record<string, Rates>>;
  /** Number of busy periods that began, by node and by the metric responsible. */
  readonly busyBy: Readonly<Record<string, Readonly<Partial<Record<Metric, number>>>>>;
}

/** An hour's report of 1,000 nodes at the paper's interval of 5 s. Samples beyond that are counted and ignored. */
const MAX_CELLS = 720_000;

/** One node's samples in one bucket, weighted by duration. */
interface Cell {
  readonly sums: Map<Metric, { weighted: number; ms: number }>;
}

/** Accumulates log lines into a report. */
export class LoadReducer {
  readonly #bucketMs: number;
  readonly #part: 'total' | 'foreign';
  readonly #buckets = new Map<number, Map<string, Cell>>();
  readonly #busyBy: Record<string, Partial<Record<Metric, number>>> = {};
  #cells = 0;
  #leftOut = 0;

  /** @param part - which values the figures show; the paper only had the total */
  constructor(bucketMs: number, part: 'total' | 'foreign') {
    this.#bucketMs = bucketMs;
    this.#part = part;
  }

  /** Number of samples ignored because of MAX_CELLS. */
  get leftOut(): number {
    return this.#leftOut;
  }

  add(line: LogLine): void {
    if (line.kind === 'sample') this.#addSample(line);
    if (line.kind === 'became-busy' && line.by) {
      const counts = (this.#busyBy[line.node] ??= {});
      counts[line.by.metric] = (counts[line.by.metric] ?? 0) + 1;
    }
  }

  report(): LoadReport {
    const starts = [...this.#buckets.keys()].sort((a, b) => a - b);
    const rows = starts.map((atMs) => ({ atMs, spreads: spreadsOf([...(this.#buckets.get(atMs)?.values() ?? [])]) }));
    return { rows, overall: overallOf(rows), nodes: this.#nodes(), busyBy: this.#busyBy };
  }

  #nodes(): Record<string, Rates> {
    const cells = new Map<string, Cell>();
    for (const bucket of this.#buckets.values()) {
      for (const [node, cell] of bucket) {
        const whole = cells.get(node) ?? { sums: new Map() };
        cells.set(node, whole);
        for (const [metric, { weighted, ms }] of cell.sums) addTo(whole, metric, weighted, ms);
      }
    }
    const sorted = [...cells].sort(([one], [other]) => (one < other ? -1 : 1));
    return Object.fromEntries(sorted.map(([node, cell]) => [node, meansOf(cell)]));
  }

  #addSample(line: SampleLine): void {
    const atMs = Math.floor(line.atMs / this.#bucketMs) * this.#bucketMs;
    const bucket = this.#buckets.get(atMs) ?? new Map<string, Cell>();
    let cell = bucket.get(line.node);
    if (!cell) {
      if (this.#cells >= MAX_CELLS) {
        this.#leftOut++;
        return;
      }
      this.#cells++;
      cell = { sums: new Map() };
      bucket.set(line.node, cell);
      this.#buckets.set(atMs, bucket);
    }
    for (const metric of METRICS) {
      const value = line[this.#part][metric];
      if (value !== undefined) addTo(cell, metric, value * line.intervalMs, line.intervalMs);
    }
  }
}

function addTo({ sums }: Cell, metric: Metric, weighted: number, ms: number): void {
  const sum = sums.get(metric) ?? { weighted: 0, ms: 0 };
  sum.weighted += weighted;
  sum.ms += ms;
  sums.set(metric, sum);
}

function meansOf({ sums }: Cell): Rates {
  const means: Partial<Record<Metric, number>> = {};
  for (const [metric, { weighted, ms }] of sums) if (ms > 0) means[metric] = weighted / ms;
  return means;
}

function spreadsOf(cells: readonly Cell[]): Spreads {
  const means = cells.map(meansOf);
  const spreads: Partial<Record<Metric, Spread>> = {};
  for (const metric of METRICS) {
    const values = means.flatMap((each) => each[metric] ?? []);
    if (values.length > 0) spreads[metric] = spreadOf(values);
  }
  return spreads;
}

function spreadOf(values: readonly number[]): Spread {
  const mean = meanOf(values);
  const deviation = Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
  return { mean, deviation, least: leastOf(values), most: mostOf(values), nodes: values.length };
}

function overallOf(rows: readonly ReportRow[]): Spreads {
  const overall: Partial<Record<Metric, Spread>> = {};
  for (const metric of METRICS) {
    const spreads = rows.flatMap((row) => row.spreads[metric] ?? []);
    if (spreads.length === 0) continue;
    overall[metric] = {
      mean: meanOf(spreads.map((each) => each.mean)),
      deviation: meanOf(spreads.map((each) => each.deviation)),
      least: leastOf(spreads.map((each) => each.least)),
      most: mostOf(spreads.map((each) => each.most)),
      nodes: mostOf(spreads.map((each) => each.nodes)),
    };
  }
  return overall;
}

/** Math.min would pass all values on the stack, which does not hold a week of a log. */
function leastOf(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}

function mostOf(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
