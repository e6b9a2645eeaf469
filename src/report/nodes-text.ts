/** Output of `pmakectl nodes` for a dispatcher's nodes. Pure. */
import type { NodeStateName, NodeStatus } from '../protocol/control.ts';
import { formatTable } from './table.ts';
import { formatNumber } from './words.ts';

const STATES: Readonly<Record<NodeStateName, string>> = {
  connecting: 'connecting',
  up: 'up',
  refused: 'refused',
  lost: 'lost',
};

/** The message where no nodes are configured, as a line. */
export const NO_NODES =
  'No nodes are configured: set PMAKE_NODES="host/slots ..." or write ~/.config/pmake/config.json.\n';

/** A row per node, then the reasons of nodes that cannot be used. */
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
