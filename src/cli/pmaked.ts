#!/usr/bin/env node
/** Executable `pmaked`: the broker of one node, in the foreground, for systemd or a terminal. Only wiring. */
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { runDaemon } from '../pmaked/run.ts';
import { findInstallation } from '../util/install.ts';
import { installLastResort } from '../util/last-resort.ts';
import { printable } from '../util/printable.ts';

const { version } = findInstallation();
const flags = await yargs(hideBin(process.argv))
  .scriptName('pmaked')
  .usage('$0: offers this node to the builds of a cluster, and finds nodes for the builds on this one')
  .options({
    config: {
      type: 'string',
      describe: 'the config file; default: ~/.config/pmake/config.json and /etc/pmake/config.json',
    },
    interface: { type: 'string', describe: 'the interface that datagrams go through, by name or address' },
    socket: { type: 'string', describe: 'the unix socket for dispatchers' },
    'proc-root': { type: 'string', default: '/proc', describe: 'the directory from which the load is read' },
  })
  .strict()
  .version(version)
  .help()
  .parseAsync();
installLastResort((text) => console.error(`pmaked: ${printable(text)}`));
const status = await runDaemon({
  version,
  env: process.env,
  configFile: flags.config,
  interface: flags.interface,
  socket: flags.socket,
  procRoot: flags['proc-root'],
}).catch((cause: unknown) => {
  console.error('pmaked: it ends:', cause);
  return 1;
});
process.exit(status);
