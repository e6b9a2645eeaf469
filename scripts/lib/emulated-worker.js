#!/usr/bin/env node
/**
 * A worker whose compiler costs nothing, for benchmarks of the dispatcher: each job ends a fixed time after its
 * arrival, and its outputs are small files. Called as: emulated-worker.js MILLISECONDS [the arguments of a real worker]
 */
import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { FrameDecoder } from '../../dist/protocol/frame.js';
import {
  decodeWorkerRequest,
  encodeWorkerAnswer,
  WORKER_PREAMBLE,
  WORKER_PROTOCOL_VERSION,
} from '../../dist/protocol/worker.js';
import { inspect, NodeKnowledge } from '../../dist/remote/worker/inspect.js';
import { fileState } from '../../dist/tree/files.js';
import { findInstallation } from '../../dist/util/install.js';

const TAKES_MS = Number(process.argv[2] ?? '1000');
const OBJECT = Buffer.alloc(4_096, 'object');
const CPU_US = 100_000n;
const MAX_RSS_KIB = 20_000;
const SLOTS_SEEN = 8;

/** @param {import('../../dist/protocol/worker.js').WorkerAnswer} answer */
function send(answer) {
  process.stdout.write(encodeWorkerAnswer(answer));
}

/** @param {import('../../dist/protocol/worker.js').WorkerJob} job */
async function finish({ id, outputs }) {
  for (const path of outputs) writeFileSync(path, OBJECT);
  const used = { cpuUserUs: CPU_US, cpuSystemUs: 0n, maxRssKiB: MAX_RSS_KIB };
  const written = await Promise.all(outputs.map(fileState));
  send({ kind: 'done', report: { id, termination: { kind: 'exited', code: 0 }, ...used, outputs: written } });
}

// All nodes are this machine: one of them hashes its headers, and the others find the hashes.
const knowledge = new NodeKnowledge(join(homedir(), 'header-hashes'));
const frames = new FrameDecoder();
process.stdin.on('data', (chunk) => {
  for (const frame of frames.push(chunk)) {
    const request = decodeWorkerRequest(frame);
    if (request.kind === 'job') setTimeout(() => void finish(request.job), TAKES_MS);
    if (request.kind === 'ping') send({ kind: 'pong', sequence: request.sequence });
    if (request.kind === 'inspect') {
      const { id, inspection } = request;
      void inspect(inspection, knowledge).then((findings) =>
        send({ kind: 'inspected', id, findings: JSON.stringify(findings) }),
      );
    }
  }
});
process.stdin.on('end', () => process.exit(0));
process.stdout.write(WORKER_PREAMBLE);
send({
  kind: 'ready',
  ready: {
    protocol: WORKER_PROTOCOL_VERSION,
    pmakeVersion: findInstallation().version,
    nodeVersion: process.versions.node,
    hostname: 'emulated',
    cores: SLOTS_SEEN,
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
    groups: process.getgroups?.() ?? [],
    temporaryBytes: Number.MAX_SAFE_INTEGER,
  },
});
