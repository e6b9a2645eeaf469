/**
 * Requests leases from this host's broker, first one at a time, then 64 at once, and releases each when it is granted.
 * It prints one line of JSON. Called as: lease-client.js COUNT
 */
import { connect } from 'node:net';
import { FrameDecoder } from '../../dist/protocol/frame.js';
import {
  BROKER_SOCKET,
  decodeBrokerAnswer,
  encodeBrokerMessage,
  LOCAL_BROKER_VERSION,
} from '../../dist/protocol/local-broker.js';

const COUNT = Number(process.argv[2] ?? '1000');
const AT_ONCE = 64;
const WARM_UP = 200;

const socket = connect(BROKER_SOCKET);
const frames = new FrameDecoder();
/** @type {Map<number, (lease: string) => void>} */
const waiting = new Map();
let newest = 0;
socket.on('data', (chunk) => {
  for (const frame of frames.push(chunk)) {
    const answer = decodeBrokerAnswer(frame);
    if (answer.kind === 'none') throw new Error(`no lease: ${answer.reason}`);
    if (answer.kind === 'leased') waiting.get(answer.id)?.(answer.lease);
  }
});
socket.write(encodeBrokerMessage({ kind: 'dispatcher', version: LOCAL_BROKER_VERSION }));

async function leaseOnce() {
  const id = ++newest;
  const startMs = performance.now();
  const lease = await new Promise((resolve) => {
    waiting.set(id, resolve);
    socket.write(encodeBrokerMessage({ kind: 'request', id, patienceMs: 10_000, exclude: [] }));
  });
  waiting.delete(id);
  const tookMs = performance.now() - startMs;
  socket.write(encodeBrokerMessage({ kind: 'release', lease }));
  return tookMs;
}

for (let index = 0; index < WARM_UP; index += 1) await leaseOnce();
const times = [];
for (let index = 0; index < COUNT; index += 1) times.push(await leaseOnce());
times.sort((one, other) => one - other);

let left = COUNT;
const startMs = performance.now();
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) await leaseOnce();
  }),
);
const seconds = (performance.now() - startMs) / 1_000;
/** @param {number} share */
const at = (share) => times[Math.min(COUNT - 1, Math.floor(COUNT * share))];
const leases = WARM_UP + 2 * COUNT;
process.stdout.write(`${JSON.stringify({ p50Ms: at(0.5), p99Ms: at(0.99), perSecond: COUNT / seconds, leases })}\n`);
socket.destroy();
