/** `pmakectl drain [NODE]` and `undrain`: here by the socket of this host's broker, elsewhere by ssh. */
import type { CommandModule } from 'yargs';
import { ADMIN_SUFFIX, BROKER_SOCKET } from '../../protocol/local-broker.ts';
import { complain, FAILURE_CODE, JSON_OPTION, type JsonFlag, print } from './answer.ts';
import { askBroker, brokerSocket } from './broker.ts';

/** A shell's status where there is no such program. */
const NOT_FOUND_CODE = 127;

interface DrainFlags extends JsonFlag {
  readonly node: string | undefined;
}

export const drainCommand = steer('drain', true, 'a node takes no new jobs; those that run there go on');
export const undrainCommand = steer('undrain', false, 'a drained node takes jobs again');

function steer(verb: string, on: boolean, describe: string): CommandModule<object, DrainFlags> {
  return {
    command: `${verb} [node]`,
    describe,
    builder: (yargs) =>
      yargs.options(JSON_OPTION).positional('node', { type: 'string', describe: 'by ssh; without it: this host' }),
    handler: async (flags) => {
      if (flags.node === undefined) await steerHere(flags, on);
      else await steerThere(flags, verb, flags.node);
    },
  };
}

async function steerHere(flags: DrainFlags, on: boolean): Promise<void> {
  const path = `${(await brokerSocket(process.env)) ?? BROKER_SOCKET}${ADMIN_SUFFIX}`;
  const answer = await askBroker(path, { kind: 'drain', on }, 'drained');
  if (answer.ok) {
    const { problem } = answer.value;
    print(flags, { drained: on, problem }, on ? 'This node takes no new jobs.\n' : 'This node takes jobs again.\n');
    if (problem === undefined) return;
    process.exitCode = FAILURE_CODE;
    complain(`until pmaked is restarted only: ${problem}`);
    return;
  }
  process.exitCode = FAILURE_CODE;
  complain(answer.failure.sentence);
}

/** A drained node hears no broker, so ssh is the way to it; who may steer it there is the node's business. */
async function steerThere(flags: DrainFlags, verb: string, node: string): Promise<void> {
  const { execa } = await import('execa');
  const words = ['pmakectl', verb, ...(flags.json ? ['--json'] : [])];
  const result = await execa('ssh', ['--', node, ...words], { stdio: 'inherit', reject: false });
  if (result.exitCode === undefined) {
    complain(`ssh could not be started (${result.shortMessage ?? 'no reason given'})`);
  }
  if (result.exitCode === NOT_FOUND_CODE) {
    complain(
      `${node} has no pmakectl on the PATH of an ssh command; put it there, or run "pmakectl ${verb}" on ${node}`,
    );
  }
  process.exitCode = result.exitCode ?? FAILURE_CODE;
}
