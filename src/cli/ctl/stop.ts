/** `pmakectl stop`. */
import type { CommandModule } from 'yargs';
import { askDispatcher, JSON_OPTION, type JsonFlag, print, printFailure } from './answer.ts';

export const stopCommand: CommandModule<object, JsonFlag> = {
  command: 'stop',
  describe: 'end the dispatcher; builds under way go on here',
  builder: JSON_OPTION,
  handler: async (flags) => {
    const answer = await askDispatcher({ verb: 'stop' }, 'stopping');
    if (answer.ok) print(flags, { stopped: true }, 'The dispatcher is stopping.\n');
    // To stop what does not run is done already.
    else if (answer.failure.reason === 'not-running') print(flags, { stopped: false }, 'No dispatcher is running.\n');
    else printFailure(flags, answer.failure);
  },
};
