#!/usr/bin/env node
/** The dispatcher's executable: started by the shim, never by hand. Only wires. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { serveDispatcher } from '../dispatch/server.ts';
import { findInstallation } from '../util/install.ts';
import { runtimeDirectory, SOCKET_NAME } from '../util/runtime-directory.ts';

void main();

async function main(): Promise<void> {
  const directory = runtimeDirectory(process.env);
  if (!directory.ok) {
    console.error(`pmake: ${directory.failure}`);
    process.exit(1);
  }
  const installation = findInstallation();
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const readyFd = process.env.PMAKE_READY_FD;
  await serveDispatcher({
    socketPath: join(directory.value, SOCKET_NAME),
    masqueradeRoot: join(directory.value, 'masquerade'),
    reportPath: join(cache, 'pmake', 'last-build.json'),
    costsPath: join(cache, 'pmake', 'costs'),
    trialsPath: join(cache, 'pmake', 'trials'),
    installRoot: installation.root,
    version: installation.version,
    env: process.env,
    readyFd: readyFd === undefined ? undefined : Number(readyFd),
  });
  process.exit(0);
}
