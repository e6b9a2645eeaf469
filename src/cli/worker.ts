#!/usr/bin/env node
/** Executable of the worker: it is started over ssh by a dispatcher, never by hand. Only wiring. */
import { Socket } from 'node:net';
import { join } from 'node:path';
import { brokerSockets } from '../config/broker-sockets.ts';
import { announceWorker } from '../remote/worker/announce.ts';
import { serveWorker } from '../remote/worker/session.ts';
import { findInstallation } from '../util/install.ts';
import { HASHES_NAME, runtimeDirectory } from '../util/runtime-directory.ts';

void main();

async function main(): Promise<void> {
  const installation = findInstallation();
  const directory = runtimeDirectory(process.env);
  announceWorker(brokerSockets(process.env, directory.ok ? directory.value : undefined));
  // process.stdout would block on a pipe, so that a slow connection would stop the bookkeeping of all jobs.
  const output = new Socket({ fd: 1, readable: false, writable: true });
  await serveWorker({
    input: process.stdin,
    output,
    runner: installation.runner,
    pmakeVersion: installation.version,
    hashesPath: directory.ok ? join(directory.value, HASHES_NAME) : undefined,
  });
  // process.exit would wait for threads that wait for a file server, but the jobs end only when this process does.
  process.kill(process.pid, 'SIGTERM');
}
