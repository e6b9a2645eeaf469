/** `pmakectl status`: shows the state of the dispatcher. */
import type { CommandModule } from 'yargs';
import { formatStatus } from '../../report/status-text.ts';
import { askDispatcher, JSON_OPTION, type JsonFlag, print, printFailure } from './answer.ts';

/** The verb, for yargs. */
export const statusCommand: CommandModule<object, JsonFlag> = {
  command: 'status',
  describe: 'the dispatcher, its nodes, slots and jobs; exit status 3 when none runs',
  builder: JSON_OPTION,
  handler: async (flags) => {
    const answer = await askDispatcher({ verb: 'status' }, 'status');
    if (!answer.ok) {
      printFailure(flags, answer.failure);
      return;
    }
    const { status } = answer.value;
    print(flags, { running: true, ...status }, formatStatus(status));
  },
};
