#!/usr/bin/env node
/**
 * Executable of one process of `pmakectl bench load` on a node. Like a worker, it is started over ssh and ends with its
 * connection.
 *
 * Called as: load.js KIND SECONDS MEBIBYTES DIRECTORY
 */
import { brokerSockets } from '../config/broker-sockets.ts';
import { LOAD_KINDS, runLoad } from '../bench/load-program.ts';
import { WORKER_PREAMBLE } from '../protocol/worker.ts';
import { announceWorker } from '../remote/worker/announce.ts';
import { runtimeDirectory } from '../util/runtime-directory.ts';

const [word, seconds, mebibytes, directory = '/var/tmp'] = process.argv.slice(2);
const kind = LOAD_KINDS.find((known) => known === word);
if (kind === undefined) {
  process.stderr.write(
    `load.js: "${word ?? ''}" is not one of ${LOAD_KINDS.join(', ')}; "pmakectl bench load" starts this\n`,
  );
  process.exit(2);
}
const runtime = runtimeDirectory(process.env);
announceWorker(brokerSockets(process.env, runtime.ok ? runtime.value : undefined));
const early = new AbortController();
process.stdin.resume();
process.stdin.once('end', () => early.abort());
process.once('SIGTERM', () => early.abort());
process.stdout.write(WORKER_PREAMBLE);
const request = { kind, seconds: Number(seconds), mebibytes: Number(mebibytes), directory };
const outcome = await runLoad(request, early.signal);
process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
