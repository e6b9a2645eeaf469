/** `pmakectl bench report LOG...`: evaluates the brokers' load logs as the paper does. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { CommandModule } from 'yargs';
import { parseLogLine } from '../../load/load-log.ts';
import { LoadReducer } from '../../load/load-report.ts';
import { describeLoadLogFailure, formatLoad, type LoadLogFailure } from '../../report/load-text.ts';
import { formatCount } from '../../report/words.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import { complain, FAILURE_CODE, JSON_OPTION, type JsonFlag, print } from './answer.ts';

interface ReportFlags extends JsonFlag {
  readonly logs: readonly string[];
  readonly seconds: number;
  readonly foreign: boolean;
}

/** The verb, for yargs. */
export const reportCommand: CommandModule<object, ReportFlags> = {
  command: 'report <logs..>',
  describe: 'how evenly the load was spread, and the load of each node, from the load logs of all nodes',
  builder: (yargs) =>
    yargs
      .positional('logs', { type: 'string', array: true, demandOption: true, describe: 'files that "loadLog" names' })
      .options(JSON_OPTION)
      .options({
        seconds: { type: 'number', default: 5, describe: 'length of each step in time (--json)' },
        foreign: { type: 'boolean', default: false, describe: "without the cluster's own jobs" },
      }),
  handler: async (flags) => {
    const read = await readLogs(flags);
    if (!read.ok) {
      process.exitCode = FAILURE_CODE;
      complain(describeLoadLogFailure(read.failure));
      return;
    }
    const { leftOut } = read.value;
    const more = `${formatCount(leftOut, 'sample')} more did not fit: take fewer logs, or more --seconds\n`;
    const report = read.value.report();
    print(flags, report, `${formatLoad(report)}${leftOut === 0 ? '' : more}`);
  },
};

async function readLogs({ logs, seconds, foreign }: ReportFlags): Promise<Result<LoadReducer, LoadLogFailure>> {
  if (!(Number.isFinite(seconds) && seconds > 0)) return fail({ reason: 'seconds-not-positive' });
  const reducer = new LoadReducer(seconds * 1_000, foreign ? 'foreign' : 'total');
  for (const path of logs) {
    try {
      const found = await readLog(path, reducer);
      if (found === 0) return fail({ reason: 'no-load-log', path });
    } catch (cause) {
      return fail({ reason: 'unreadable', path, error: (cause as Error).message });
    }
  }
  return ok(reducer);
}

/** The number of valid lines. An incomplete last line, which a broker may be writing, does not count. */
async function readLog(path: string, reducer: LoadReducer): Promise<number> {
  let found = 0;
  for await (const text of createInterface({ input: createReadStream(path) })) {
    const line = parseLogLine(text);
    if (!line) continue;
    reducer.add(line);
    found += 1;
  }
  return found;
}
