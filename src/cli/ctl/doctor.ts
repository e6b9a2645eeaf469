/** `pmakectl doctor [NODE...]`: checks whether a build in this directory would run on the nodes, and if not, why. */
import type { CommandModule } from 'yargs';
import { formatDoctor } from '../../report/doctor-text.ts';
import { FAILURE_CODE, JSON_OPTION, type JsonFlag, print } from './answer.ts';

interface DoctorFlags extends JsonFlag {
  readonly node: readonly string[] | undefined;
}

/** The verb, for yargs. */
export const doctorCommand: CommandModule<object, DoctorFlags> = {
  command: 'doctor [node..]',
  describe: 'checks this host, its tree and the nodes, and says what to do; exit status 0 when a build would use them',
  builder: (yargs) =>
    yargs.options(JSON_OPTION).positional('node', {
      type: 'string',
      array: true,
      describe: 'as in PMAKE_NODES; default: every node that a build here would use',
    }),
  handler: async (flags) => {
    // Imported on demand, because it loads ssh, which the other verbs should not wait for.
    const { examine } = await import('./doctor-run.ts');
    const report = await examine(flags.node ?? []);
    print(flags, report, formatDoctor(report));
    if (!report.works) process.exitCode = FAILURE_CODE;
  },
};
