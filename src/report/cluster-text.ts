/** What `pmakectl nodes` prints of a cluster with brokers. Pure. */
import type { ClusterView, MetricView, NodeView } from '../protocol/local-broker.ts';
import { formatTable } from './table.ts';
import { formatCompact, formatNumber } from './words.ts';

const NUMBERS = new Set(['SLOTS', 'JOBS', 'SPEED', 'CPU', 'I/O', 'SWITCHES', 'PAGES', 'INTERRUPTS', 'NETWORK', 'FREE']);

/** Columns of the metrics that most rows judge; `--json` and `formatNode` have all of them. */
const COLUMNS: readonly (readonly [title: string, metric: string])[] = [
  ['CPU', 'cpu'],
  ['I/O', 'io'],
  ['SWITCHES', 'switches'],
  ['PAGES', 'paging'],
  ['INTERRUPTS', 'interrupts'],
  ['NETWORK', 'network'],
  ['FREE', 'freeMemory'],
];

/** One line a node, metrics as `value/mark`; a line about who leads. */
export function formatCluster(view: ClusterView): string {
  const titles = ['NODE', 'STATE', 'SLOTS', 'JOBS', 'SPEED', ...COLUMNS.map(([title]) => title)];
  const rows = view.nodes.map((node) => [
    node.node,
    stateOf(node),
    formatNumber(node.slots),
    formatNumber(node.inUse),
    node.speed.toFixed(2),
    ...COLUMNS.map(([, metric]) => cellOf(node.metrics.find((candidate) => candidate.metric === metric))),
  ]);
  const lines = [formatTable(titles, rows, NUMBERS), '\n', `${leaderOf(view)}\n`];
  for (const node of view.silent) lines.push(`${node} did not answer: its pmaked may be gone, or the way to it.\n`);
  return lines.join('');
}

function leaderOf({ cluster, leader }: ClusterView): string {
  if (!leader) return `Cluster "${cluster}": no leader is known here.`;
  return `Cluster "${cluster}", led by ${leader.node} (term ${leader.term}).`;
}

function stateOf({ state, busyBy }: NodeView): string {
  return state === 'busy' && busyBy ? `busy: ${busyBy.metric}` : state;
}

/** What is judged, beside its mark. */
function cellOf(metric: MetricView | undefined): string {
  if (!metric) return '-';
  const value = metric.judges === 'total' ? metric.total : metric.foreign;
  const shown = short(value, metric.metric);
  return metric.highMark === undefined ? shown : `${shown}/${short(metric.highMark, metric.metric)}`;
}

function short(value: number, metric: string): string {
  if (metric === 'cpu') return `${Math.round(value)}%`;
  return metric === 'freeMemory' ? formatCompact(value, 1_024) : formatCompact(value);
}
