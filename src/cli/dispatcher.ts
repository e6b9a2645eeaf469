#!/usr/bin/env node
/** The dispatcher's executable: started by the shim, never by hand. Only wires. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { serveDispatcher } from '../dispatch/server.ts';
import { INSTALL, installedVersion } from '../util/install.ts';
import { openRuntimeDirectory, SOCKET_NAME } from '../util/runtime-directory.ts';

const directory = openRuntimeDirectory(process.env);
if (!directory.ok) {
  const { directory: path, detail } = directory.failure;
  console.error(`pmake: ${path} cannot be the runtime directory: ${detail}; set PMAKE_RUNTIME_DIR to a private one`);
  process.exit(1);
}
const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
const readyFd = process.env.PMAKE_READY_FD;
await serveDispatcher({
  socketPath: join(directory.value, SOCKET_NAME),
  masqueradeRoot: join(directory.value, 'masquerade'),
  reportPath: join(cache, 'pmake', 'last-build.json'),
  installRoot: INSTALL.root,
  version: installedVersion(),
  env: process.env,
  readyFd: readyFd === undefined ? undefined : Number(readyFd),
});
process.exit(0);
