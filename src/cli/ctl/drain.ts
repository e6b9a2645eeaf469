/** `pmakectl drain [NODE]` and `undrain`: through the socket of this host's broker, or by ssh on another node. */
import type { CommandModule } from 'yargs';
import { ADMIN_SUFFIX, BROKER_SOCKET } from '../../protocol/local-broker.ts';
import { complain, FAILURE_CODE, JSON_OPTION, type JsonFlag, print } from './answer.ts';
import { askBroker, brokerSocket } from './ask-broker.ts';

/** A shell's exit code for a missing program. */
const NOT_FOUND_CODE = 127;

interface DrainFlags extends JsonFlag {
  readonly node: string | undefined;
}

/** The verb `drain`, for yargs. */
export const drainCommand = steer('drain', true, 'a node takes no new jobs; its running jobs continue');
/** The verb `undrain`, for yargs. */
export const undrainCommand = steer('undrain', false, 'a drained node takes jobs again');

function steer(verb: string, on: boolean, describe: string): CommandModule<object, DrainFlags> {
  return {
    command: `${verb} [node]`,
    describe,
    builder: (yargs) =>
      yargs
        .options(JSON_OPTION)
        .positional('node', { type: 'string', describe: 'the node, reached by ssh; default: this host' }),
    handler: async (flags) => {
      if (flags.node === undefined) await steerLocal(flags, on);
      else await steerRemote(flags, verb, flags.node);
    },
  };
}

async function steerLocal(flags: DrainFlags, on: boolean): Promise<void> {
  const path = `${(await brokerSocket(process.env)) ?? BROKER_SOCKET}${ADMIN_SUFFIX}`;
  const answer = await askBroker(path, { kind: 'drain', on }, 'drained');
  if (answer.ok) {
    const { problem } = answer.value;
    print(flags, { drained: on, problem }, on ? 'This node takes no new jobs.\n' : 'This node takes jobs again.\n');
    if (problem === undefined) return;
    process.exitCode = FAILURE_CODE;
    complain(`this lasts only until pmaked is restarted: ${problem}`);
    return;
  }
  process.exitCode = FAILURE_CODE;
  complain(answer.failure.sentence);
}

/** Uses ssh, because a drained node listens to no other broker. The node itself decides who may drain it. */
async function steerRemote(flags: DrainFlags, verb: string, node: string): Promise<void> {
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
