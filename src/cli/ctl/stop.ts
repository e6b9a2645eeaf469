/** `pmakectl stop`: stops the dispatcher. */
import type { CommandModule } from 'yargs';
import { askDispatcher, JSON_OPTION, type JsonFlag, print, printFailure } from './answer.ts';

/** The verb, for yargs. */
export const stopCommand: CommandModule<object, JsonFlag> = {
  command: 'stop',
  describe: 'stops the dispatcher; running builds continue on this host',
  builder: JSON_OPTION,
  handler: async (flags) => {
    const answer = await askDispatcher({ verb: 'stop' }, 'stopping');
    if (answer.ok) print(flags, { stopped: true }, 'The dispatcher is stopping.\n');
    // Already stopped: not an error.
    else if (answer.failure.reason === 'not-running') print(flags, { stopped: false }, 'No dispatcher is running.\n');
    else printFailure(flags, answer.failure);
  },
};
