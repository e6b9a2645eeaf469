/** `pmakectl doctor [NODE...]`: would a build in this directory run on the nodes, and if not, why? */
import type { CommandModule } from 'yargs';
import { formatDoctor } from '../../report/doctor-text.ts';
import { FAILURE_CODE, JSON_OPTION, type JsonFlag, print } from './answer.ts';

interface DoctorFlags extends JsonFlag {
  readonly node: readonly string[] | undefined;
}

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
    // Brings ssh along, which no other verb should have to wait for.
    const { examine } = await import('./doctor-run.ts');
    const report = await examine(flags.node ?? []);
    print(flags, report, formatDoctor(report));
    if (!report.works) process.exitCode = FAILURE_CODE;
  },
};
