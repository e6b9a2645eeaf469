/** What `pmakectl nodes` prints. Pure. */
import type { NodeStateName, NodeStatus } from '../protocol/control.ts';
import { formatTable } from './table.ts';
import { formatNumber } from './words.ts';

const STATES: Readonly<Record<NodeStateName, string>> = {
  connecting: 'connecting',
  up: 'up',
  refused: 'refused',
  lost: 'lost',
};

export const NO_NODES =
  'No nodes are configured: set PMAKE_NODES="host/slots ..." or write ~/.config/pmake/config.json.\n';

export function formatNodes(nodes: readonly NodeStatus[]): string {
  if (nodes.length === 0) return NO_NODES;
  const rows = nodes.map((node) => [
    node.name,
    STATES[node.state],
    formatNumber(node.slots),
    formatNumber(node.jobs),
    formatNumber(node.finished),
    node.hostname,
  ]);
  const table = formatTable(
    ['NODE', 'STATE', 'SLOTS', 'JOBS', 'DONE', 'HOSTNAME'],
    rows,
    new Set(['SLOTS', 'JOBS', 'DONE']),
  );
  const reasons = nodes.filter((node) => node.reason !== '').map((node) => `${node.name}: ${node.reason}\n`);
  return reasons.length === 0 ? table : `${table}\n${reasons.join('')}`;
}
