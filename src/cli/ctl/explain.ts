/**
 * `pmakectl explain [FILE]`: explains the last build from the running dispatcher's report, else from the saved one.
 * `pmakectl explain -- COMMAND`: see explain-command.ts.
 */
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { BuildReport } from '../../protocol/control.ts';
import { BUILD_REPORT } from '../../protocol/control-schema.ts';
import { MAX_FRAME_BYTES } from '../../protocol/frame.ts';
import { explainBuild, explainFile } from '../../report/explain-text.ts';
import { resolveHere } from '../../util/current-directory.ts';
import { cacheDirectory } from '../../util/own-directories.ts';
import { readJsonFile } from '../../util/parse-json.ts';
import { askDispatcher, FAILURE_CODE, JSON_OPTION, type JsonFlag, print, printFailure } from './answer.ts';
import { splitAtDashes } from './command-words.ts';

interface ExplainFlags extends JsonFlag {
  readonly file: string | undefined;
}

/** The verb, for yargs. */
export const explainCommand: CommandModule<object, ExplainFlags> = {
  command: 'explain [file]',
  describe: "why the last build's jobs ran where they did; with FILE, that file's; -- COMMAND: what one would do",
  builder: (yargs) =>
    yargs
      .options(JSON_OPTION)
      .positional('file', { type: 'string', describe: 'a source or an output' })
      .example('$0 explain -- gcc -c a.c', 'what pmake would do with this command'),
  handler: async (flags) => {
    const { file } = flags;
    const { command } = splitAtDashes(process.argv);
    if (command !== undefined) {
      const { printCommand } = await import('./explain-command.ts');
      printCommand(flags, command);
      return;
    }
    const answer = await askDispatcher({ verb: 'explain' }, 'build-report');
    if (!answer.ok && answer.failure.reason !== 'not-running') {
      printFailure(flags, answer.failure);
      return;
    }
    const whole = (answer.ok ? answer.value.report : undefined) ?? savedReport();
    if (whole === undefined) {
      process.exitCode = FAILURE_CODE;
      print(flags, null, 'No build has been counted yet.\n');
      return;
    }
    const report = file === undefined ? whole : onlyFile(whole, file);
    print(flags, report, file === undefined ? explainBuild(report) : explainFile(report, file));
  },
};

/** Records with this absolute path; if there are none, records whose path ends in `file`. */
function onlyFile(report: BuildReport, file: string): BuildReport {
  const exact = report.records.filter((record) => record.file === resolveHere(file));
  const records = exact.length > 0 ? exact : report.records.filter((record) => record.file.endsWith(`/${file}`));
  return { ...report, records };
}

/**
 * The report that the dispatcher saved when the last build ended; undefined when it is missing or invalid. Its size is
 * bounded by a frame, because it must also fit into an answer.
 */
function savedReport(): BuildReport | undefined {
  return readJsonFile(join(cacheDirectory(process.env), 'last-build.json'), BUILD_REPORT, MAX_FRAME_BYTES);
}
