#!/usr/bin/env node
/** Executable of the dispatcher: it is started by the shim, never by hand. Only wiring. */
import { join } from 'node:path';
import { serveDispatcher } from '../dispatch/main.ts';
import { describeRuntimeDirectoryFailure } from '../report/directory-text.ts';
import { cacheDirectory } from '../util/own-directories.ts';
import { findInstallation } from '../util/install.ts';
import { installLastResort } from '../util/last-resort.ts';
import { runtimeDirectory, SOCKET_NAME } from '../util/runtime-directory.ts';

installLastResort((text) => console.error(`pmake: ${text}`));
main().catch((cause: unknown) => {
  // The dispatcher does not serve, so shims run their compilers locally.
  console.error('pmake: the dispatcher ends:', cause);
  process.exit(1);
});

async function main(): Promise<void> {
  const directory = runtimeDirectory(process.env);
  if (!directory.ok) {
    console.error(`pmake: ${describeRuntimeDirectoryFailure(directory.failure)}`);
    process.exit(1);
  }
  const installation = findInstallation();
  const cache = cacheDirectory(process.env);
  await serveDispatcher({
    socketPath: join(directory.value, SOCKET_NAME),
    reportPath: join(cache, 'last-build.json'),
    costsPath: join(cache, 'costs'),
    probesPath: join(cache, 'trials'),
    installRoot: installation.root,
    version: installation.version,
    env: process.env,
    readyFd: descriptor(process.env.PMAKE_READY_FD),
    lockFd: descriptor(process.env.PMAKE_START_LOCK_FD),
  });
  process.exit(0);
}

function descriptor(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
