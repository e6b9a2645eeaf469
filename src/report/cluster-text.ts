/** Output of `pmakectl nodes` for a cluster with brokers. Pure. */
import { METRICS, type Metric } from '../load/metrics.ts';
import type { ClusterView, MetricView, NodeView } from '../protocol/local-broker.ts';
import { formatMetric, METRIC_TITLES } from './metric-text.ts';
import { formatTable } from './table.ts';
import { formatNumber } from './words.ts';

const HEAD = ['NODE', 'STATE', 'SLOTS', 'JOBS', 'SPEED'];
const PRESSURES: ReadonlySet<Metric> = new Set<Metric>(['cpuPressure', 'ioPressure', 'memoryPressure']);
const NUMBERS = new Set([...HEAD.slice(2), ...Object.values(METRIC_TITLES)]);

/** One row per node, with metrics as `value/mark`, and a line that names the leader. */
export function formatCluster(view: ClusterView): string {
  const metrics = METRICS.filter((metric) => isShown(metric, view.nodes));
  const rows = view.nodes.map((node) => [
    node.node,
    stateOf(node),
    formatNumber(node.slots),
    formatNumber(node.inUse),
    node.speed.toFixed(2),
    ...metrics.map((metric) => cellOf(metric, node)),
  ]);
  const titles = [...HEAD, ...metrics.map((metric) => METRIC_TITLES[metric])];
  const lines = [formatTable(titles, rows, NUMBERS), '\n', `${leaderOf(view)}\n`];
  for (const node of view.silent) lines.push(`${node} did not answer: its pmaked may be gone, or the way to it.\n`);
  return lines.join('');
}

/**
 * Pressure metrics are shown only if some node is judged by them, which may be why it is busy. `--json` has them all.
 */
function isShown(metric: Metric, nodes: readonly NodeView[]): boolean {
  const isJudged = (view: MetricView): boolean => view.metric === metric && view.highMark !== undefined;
  return !PRESSURES.has(metric) || nodes.some((node) => node.metrics.some(isJudged));
}

function leaderOf({ cluster, leader }: ClusterView): string {
  if (!leader) return `Cluster "${cluster}": no leader is known here.`;
  return `Cluster "${cluster}", led by ${leader.node} (term ${leader.term}).`;
}

function stateOf({ state, busyBy }: NodeView): string {
  return state === 'busy' && busyBy ? `busy: ${busyBy.metric}` : state;
}

/** The value that is judged, with its mark. */
function cellOf(metric: Metric, { metrics }: NodeView): string {
  const view = metrics.find((candidate) => candidate.metric === metric);
  if (!view) return '-';
  const shown = formatMetric(metric, view.judges === 'total' ? view.total : view.foreign);
  return view.highMark === undefined ? shown : `${shown}/${formatMetric(metric, view.highMark)}`;
}
