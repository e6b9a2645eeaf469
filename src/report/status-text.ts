/** Output of `pmakectl status`. Pure. */
import type { BrokerStatus, DispatcherStatus, NodeStateName, RunningJob } from '../protocol/control.ts';
import { formatTable } from './table.ts';
import { formatCount, formatDuration, formatNumber } from './words.ts';

/** About as many as fit on a terminal; `--json` has all. */
const MAX_JOBS_SHOWN = 20;

/** The dispatcher's state in lines, then a table of its jobs. */
export function formatStatus(status: DispatcherStatus): string {
  const lines = [
    `dispatcher  running (pid ${status.pid}, pmake ${status.version}), for ${formatDuration(status.upMs)}`,
    `socket      ${status.socket}`,
    `nodes       ${formatNodeCounts(status)}`,
    `slots       ${formatNumber(countSlots(status))} on nodes, ${formatNumber(status.localSlots)} here`,
    `jobs        ${formatNumber(status.jobs.length)} under way, ${formatNumber(status.finished)} finished in ${formatCount(status.builds, 'build')}`,
  ];
  if (status.broker) lines.push(`broker      ${formatBroker(status.broker)}`);
  if (status.configProblem !== '') lines.push(`config      ${status.configProblem}`);
  lines.push(...formatIdle(status.jobs));
  const head = `${lines.join('\n')}\n`;
  return status.jobs.length === 0 ? head : `${head}\n${formatJobs(status.jobs)}`;
}

/** Jobs that use no CPU, the longest idle first: run time alone does not tell a hanging job from a long one. */
function formatIdle(jobs: readonly RunningJob[]): string[] {
  const idle = jobs.flatMap(({ file, pid, idle: on = [] }) => on.map((where) => ({ file, pid, ...where })));
  const lines = idle
    .toSorted((one, other) => other.forMs - one.forMs)
    .slice(0, MAX_JOBS_SHOWN)
    .map(({ file, pid, node, forMs }) => `no CPU      ${file} on ${node}, for ${formatDuration(forMs)} (pid ${pid})`);
  const hidden = idle.length - lines.length;
  return hidden === 0 ? lines : [...lines, `no CPU      and ${formatCount(hidden, 'more job')}`];
}

function formatNodeCounts({ nodes }: DispatcherStatus): string {
  if (nodes.length === 0) return 'none configured';
  const counts = new Map<NodeStateName, number>();
  for (const { state } of nodes) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [...counts].map(([state, count]) => `${formatNumber(count)} ${state}`);
  const isAnyWrong = nodes.some(({ state }) => state === 'refused' || state === 'lost');
  return `${parts.join(', ')}${isAnyWrong ? ' (pmakectl nodes says why)' : ''}`;
}

function formatBroker(broker: BrokerStatus): string {
  const { state, socket, node, problem, slots, nodes, leases, asked, waiting } = broker;
  const held = `${formatCount(leases, 'lease')} held, ${formatNumber(asked)} asked for, ${formatCount(waiting, 'job')} waiting`;
  const name = node === '' ? '' : ` as ${node}`;
  if (state === 'lost') return problem === '' ? `lost (${socket}); ${held}` : `not used: ${problem}; ${held}`;
  return `connected${name} (${socket}); ${held}; ${formatCount(slots, 'slot')} on ${formatCount(nodes, 'node')} in the cluster`;
}

function countSlots({ nodes }: DispatcherStatus): number {
  return nodes.filter(({ state }) => state === 'up').reduce((sum, { slots }) => sum + slots, 0);
}

function formatJobs(jobs: readonly RunningJob[]): string {
  const longest = [...jobs].sort((one, other) => other.forMs - one.forMs);
  const rows = longest
    .slice(0, MAX_JOBS_SHOWN)
    .map((job) => [String(job.pid), job.where, job.state, formatDuration(job.forMs), job.name, job.file]);
  const table = formatTable(['PID', 'WHERE', 'STATE', 'FOR', 'PROGRAM', 'FILE'], rows, new Set(['PID']));
  const hidden = jobs.length - rows.length;
  return hidden === 0 ? table : `${table}... and ${formatCount(hidden, 'more job')}\n`;
}
