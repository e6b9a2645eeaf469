/** `pmakectl bench load KIND`, and the parent of the other `bench` verbs. */
import type { CommandModule } from 'yargs';
import { LOAD_KINDS, type LoadKind } from '../../bench/load-program.ts';
import { formatExperiment } from '../../report/load-text.ts';
import { BROKER_SOCKET } from '../../protocol/local-broker.ts';
import { resolveHere } from '../../util/current-directory.ts';
import { complain, FAILURE_CODE, JSON_OPTION, type JsonFlag, print } from './answer.ts';
import { reportCommand } from './bench-report.ts';
import { askBroker, brokerSocket } from './ask-broker.ts';

interface LoadFlags extends JsonFlag {
  readonly kind: LoadKind;
  readonly processes: number;
  readonly interval: number;
  readonly seconds: number;
  readonly mebibytes: number;
  readonly directory: string;
}

const loadCommand: CommandModule<object, LoadFlags> = {
  command: 'load <kind>',
  describe: "puts load on the cluster's nodes and reports how it was spread",
  builder: (yargs) =>
    yargs
      .positional('kind', { choices: LOAD_KINDS, demandOption: true, describe: 'what each process uses' })
      .options(JSON_OPTION)
      .options({
        processes: { type: 'number', default: 4, describe: 'how many' },
        interval: { type: 'number', default: 5, describe: 'seconds from one start to the next' },
        seconds: { type: 'number', default: 20, describe: 'how long each runs' },
        mebibytes: { type: 'number', default: 100, describe: 'memory or files that each uses' },
        directory: { type: 'string', default: '/var/tmp', describe: 'where `io` writes, on each node' },
      }),
  handler: async (flags) => {
    const socket = (await brokerSocket(process.env)) ?? BROKER_SOCKET;
    const cluster = await askBroker(socket, { kind: 'cluster' }, 'cluster');
    if (!cluster.ok) {
      process.exitCode = FAILURE_CODE;
      complain(cluster.failure.sentence);
      return;
    }
    const { kind, processes, seconds, mebibytes } = flags;
    const figures = [processes, flags.interval, seconds, mebibytes];
    if (!figures.every((figure) => Number.isFinite(figure) && figure > 0)) {
      process.exitCode = FAILURE_CODE;
      complain('--processes, --interval, --seconds and --mebibytes must be numbers above 0');
      return;
    }
    // Imported on demand, because it loads ssh, which the other verbs should not wait for.
    const { runExperiment } = await import('../../bench/load-experiment.ts');
    const result = await runExperiment(socket, {
      kind,
      processes,
      intervalMs: flags.interval * 1_000,
      seconds,
      mebibytes,
      directory: resolveHere(flags.directory),
    });
    print(flags, result, formatExperiment(result));
    if (result.runs.some(({ outcome }) => outcome === undefined)) process.exitCode = FAILURE_CODE;
  },
};

/** The verb, for yargs. */
export const benchCommand: CommandModule = {
  command: 'bench <what>',
  describe: 'experiments on the cluster',
  builder: (yargs) => yargs.command(loadCommand).command(reportCommand).demandCommand(1),
  handler: () => undefined,
};
