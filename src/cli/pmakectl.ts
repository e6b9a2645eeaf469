#!/usr/bin/env node
/** Executable `pmakectl`: inspects and controls what runs behind pmake. Only wiring; ctl/ has one file per verb. */
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { currentDirectory } from '../util/current-directory.ts';
import { findInstallation } from '../util/install.ts';
import { splitAtDashes } from './ctl/command-words.ts';
import { benchCommand } from './ctl/bench.ts';
import { doctorCommand } from './ctl/doctor.ts';
import { drainCommand, undrainCommand } from './ctl/drain.ts';
import { explainCommand } from './ctl/explain.ts';
import { nodesCommand } from './ctl/nodes.ts';
import { statusCommand } from './ctl/status.ts';
import { stopCommand } from './ctl/stop.ts';

process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
  // A reader like head(1) may exit early.
  if (cause.code === 'EPIPE') process.exit();
  process.stderr.write(`pmakectl: the answer could not be written: ${cause.message}\n`);
  process.exit(1);
});

// yargs would ask for the current directory, which may be deleted; pmakectl does not need it.
await yargs(splitAtDashes(hideBin(process.argv)).own, currentDirectory() ?? '/')
  .scriptName('pmakectl')
  .usage('$0 VERB: what runs behind pmake, and why')
  .command(statusCommand)
  .command(nodesCommand)
  .command(explainCommand)
  .command(doctorCommand)
  .command(benchCommand)
  .command(drainCommand)
  .command(undrainCommand)
  .command(stopCommand)
  .demandCommand(1, 'A verb is needed.')
  .strict()
  .version(findInstallation().version)
  .help()
  .parseAsync();
