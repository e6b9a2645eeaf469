/** What `pmakectl bench load` prints: where each process ran, and how even the nodes' load was. Pure. */
import type { LoadReport, Spread } from '../load/load-report.ts';
import { METRICS } from '../load/metrics.ts';
import { formatTable } from './table.ts';
import { formatCompact, formatDuration } from './words.ts';

/** What is shown of an experiment. */
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
  const metrics = METRICS.flatMap((metric) => {
    const spread = report.overall[metric];
    return spread ? [rowOf(metric, spread)] : [];
  });
  const heads = ['METRIC', 'MEAN', 'DEVIATION', 'LEAST', 'MOST'];
  const table = formatTable(heads, metrics, new Set(heads.slice(1)));
  const busy = Object.entries(report.busyBy).map(([node, counts]) => {
    const what = Object.entries(counts).map(([metric, times]) => `${metric} ${times} ×`);
    return `${node} became busy: ${what.join(', ')}\n`;
  });
  const trouble = runs.flatMap((run) => run.trouble.map((sentence) => `process ${run.number}: ${sentence}\n`));
  return [processes, '\nAcross the nodes, over the whole time:\n', table, ...busy, ...trouble].join('');
}

function rowOf(metric: string, { mean, deviation, least, most }: Spread): string[] {
  return [metric, ...[mean, deviation, least, most].map((value) => formatCompact(value))];
}
