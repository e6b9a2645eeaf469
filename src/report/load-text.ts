/** Output of `pmakectl bench`: where each process ran, how evenly the load was spread, and each node's load. Pure. */
import type { LoadReport, Spread } from '../load/load-report.ts';
import { METRICS, type Metric, unitOf } from '../load/metrics.ts';
import { formatMetric, METRIC_TITLES } from './metric-text.ts';
import { formatTable } from './table.ts';
import { formatCompact, formatDuration } from './words.ts';

/** The part of an experiment's result that is shown. */
export interface ShownExperiment {
  readonly runs: readonly {
    readonly number: number;
    readonly nodes: readonly string[];
    readonly waitedMs: number;
    readonly outcome:
      { readonly wallMs: number; readonly cpuMs: number; readonly amount: number; readonly unit: string } | undefined;
    readonly trouble: readonly string[];
  }[];
  readonly report: LoadReport;
}

/** A row per process, then the load and the problems. */
export function formatExperiment({ runs, report }: ShownExperiment): string {
  const rows = runs.map(({ number, nodes, waitedMs, outcome }) => [
    String(number),
    nodes.length === 0 ? '-' : nodes.join(' → '),
    formatDuration(waitedMs),
    outcome ? formatDuration(outcome.wallMs) : '-',
    outcome ? formatDuration(outcome.cpuMs) : '-',
    outcome ? `${formatCompact(outcome.amount)} ${outcome.unit}` : 'not ended',
  ]);
  const processes = formatTable(['PROCESS', 'NODE', 'WAITED', 'RAN', 'CPU', 'DONE'], rows, new Set(['PROCESS']));
  const trouble = runs.flatMap((run) => run.trouble.map((sentence) => `process ${run.number}: ${sentence}\n`));
  return [processes, '\n', formatLoad(report), ...trouble].join('');
}

/** Why `pmakectl bench report` has nothing to report. */
export type LoadLogFailure =
  | { readonly reason: 'seconds-not-positive' }
  | { readonly reason: 'no-load-log'; readonly path: string }
  /** `error` is the system's message. */
  | { readonly reason: 'unreadable'; readonly path: string; readonly error: string };

/** One sentence for the user. */
export function describeLoadLogFailure(failure: LoadLogFailure): string {
  switch (failure.reason) {
    case 'seconds-not-positive':
      return '--seconds must be a number above 0';
    case 'no-load-log':
      return `${failure.path} has no line of a load log; the broker's "loadLog" says where it writes one`;
    case 'unreadable':
      return `${failure.path} cannot be read: ${failure.error}`;
  }
}

/** The load over the whole time; only `--json` has the steps in time. */
export function formatLoad({ overall, nodes, busyBy }: LoadReport): string {
  const spreads = METRICS.flatMap((metric) => {
    const spread = overall[metric];
    return spread ? [rowOf(metric, spread)] : [];
  });
  const heads = ['METRIC', 'MEAN', 'DEVIATION', 'LEAST', 'MOST'];
  const across = formatTable(heads, spreads, new Set(heads.slice(1)));
  const metrics = METRICS.filter((metric) => overall[metric] !== undefined);
  const titles = metrics.map((metric) => METRIC_TITLES[metric]);
  const means = Object.entries(nodes).map(([node, rates]) => [
    node,
    ...metrics.map((metric) => (rates[metric] === undefined ? '-' : formatMetric(metric, rates[metric]))),
  ]);
  const each = formatTable(['NODE', ...titles], means, new Set(titles));
  const busy = Object.entries(busyBy).map(([node, counts]) => {
    const what = Object.entries(counts).map(([metric, times]) => `${metric} ${times} ×`);
    return `${node} became busy: ${what.join(', ')}\n`;
  });
  return ['Across the nodes, over the whole time:\n', across, '\nEach node, its means:\n', each, ...busy].join('');
}

function rowOf(metric: Metric, { mean, deviation, least, most }: Spread): string[] {
  // Deviations are small, and a percentage without decimals would hide them.
  const format = (value: number): string =>
    unitOf(metric) === '%' ? formatCompact(value) : formatMetric(metric, value);
  return [metric, ...[mean, deviation, least, most].map(format)];
}
