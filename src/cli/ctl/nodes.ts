/** `pmakectl nodes`: shows the cluster as its brokers see it, and the nodes of this user's dispatcher. */
import type { CommandModule } from 'yargs';
import type { NodeStatus } from '../../protocol/control.ts';
import type { ClusterView } from '../../protocol/local-broker.ts';
import { formatCluster } from '../../report/cluster-text.ts';
import { formatNodes } from '../../report/nodes-text.ts';
import { askDispatcher, complain, JSON_OPTION, type JsonFlag, print, printFailure } from './answer.ts';
import { askBroker, brokerSocket } from './ask-broker.ts';

/** The verb, for yargs. */
export const nodesCommand: CommandModule<object, JsonFlag> = {
  command: 'nodes',
  describe: 'each node: free, or busy and by which metric; up, or refused and why; its slots and jobs',
  builder: JSON_OPTION,
  handler: async (flags) => {
    const [cluster, answer] = await Promise.all([lookAtCluster(), askDispatcher({ verb: 'nodes' }, 'nodes')]);
    if (!answer.ok && cluster === undefined) {
      printFailure(flags, answer.failure);
      return;
    }
    const nodes = answer.ok ? answer.value.nodes : [];
    print(flags, cluster === undefined ? nodes : { cluster, nodes }, describe(cluster, nodes));
  },
};

/** Undefined where no broker runs, so that only the dispatcher's nodes are shown. */
async function lookAtCluster(): Promise<ClusterView | undefined> {
  const path = await brokerSocket(process.env);
  if (path === undefined) return undefined;
  const answer = await askBroker(path, { kind: 'cluster' }, 'cluster');
  if (answer.ok) return answer.value.cluster;
  if (answer.failure.reason === 'failed') complain(answer.failure.sentence);
  return undefined;
}

function describe(cluster: ClusterView | undefined, nodes: readonly NodeStatus[]): string {
  if (cluster === undefined) return formatNodes(nodes);
  const connected = nodes.length === 0 ? '' : `\nConnected by your dispatcher:\n${formatNodes(nodes)}`;
  return `${formatCluster(cluster)}${connected}`;
}
