/** `pmakectl nodes`. */
import type { CommandModule } from 'yargs';
import { formatNodes } from '../../report/nodes-text.ts';
import { askDispatcher, JSON_OPTION, type JsonFlag, print, printFailure } from './answer.ts';

export const nodesCommand: CommandModule<object, JsonFlag> = {
  command: 'nodes',
  describe: 'each node: up, or refused and why; its slots and jobs',
  builder: JSON_OPTION,
  handler: async (flags) => {
    const answer = await askDispatcher({ verb: 'nodes' }, 'nodes');
    if (!answer.ok) {
      printFailure(flags, answer.failure);
      return;
    }
    print(flags, answer.value.nodes, formatNodes(answer.value.nodes));
  },
};
