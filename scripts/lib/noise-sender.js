/**
 * Floods brokers with datagrams that they must reject: random bytes, truncated datagrams, those of another cluster or
 * with another key, and replays of one from a node that knows the key. It ends after SECONDS, or earlier on SIGTERM,
 * and prints one line of JSON: how many datagrams it sent, in how many seconds. Called as: noise-sender.js CLUSTER
 * KEY-FILE PER-SECOND SECONDS HOST:PORT...
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { DatagramSealer } from '../../dist/broker/wire/datagram.js';

const [cluster = '', keyFile = '', perSecond = '', limitSeconds = '', ...targets] = process.argv.slice(2);
const TICK_MS = 5;
/** The maximum number of datagrams to send at once if the sender has fallen behind. */
const MOST_AT_ONCE = 1_000;
/** The number of different datagrams of each kind. */
const KINDS = 100;

const own = { cluster, key: Buffer.from(readFileSync(keyFile, 'utf8').trim()), nodeId: 'noise', bootId: 1 };
const takeover = { kind: 'heartbeat', term: { counter: 2 ** 50, nodeId: 'noise' }, members: 1, waiters: [] };

/** @param {Partial<typeof own>} over @param {object} message @returns {Buffer} */
function seal(over, message) {
  const [datagram] = new DatagramSealer({ ...own, ...over }, Date.now).seal([message], undefined);
  if (!datagram) throw new Error('a message that does not fit into a datagram');
  return datagram;
}

const replayed = seal({}, { kind: 'cancel', requestIds: [1] });
const noise = Array.from({ length: KINDS }, () => {
  const forged = seal({ key: randomBytes(32) }, takeover);
  // In half of them, only the signature is wrong: these cost a broker the most.
  return [
    forged,
    randomBytes(200),
    forged,
    seal({ cluster: 'other' }, takeover),
    forged,
    forged.subarray(0, -1),
    forged,
    replayed,
  ];
}).flat();

const addresses = await Promise.all(
  targets.map(async (target) => {
    const [host = '', port = ''] = target.split(':');
    return { host: (await lookup(host, { family: 4 })).address, port: Number(port) };
  }),
);
const socket = createSocket('udp4');
// Ignores a full queue, and a port on which no process listens any longer.
socket.on('error', () => undefined);
const startMs = performance.now();
let sent = 0;
const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - startMs) * Number(perSecond)) / 1_000) - sent;
  for (let n = Math.min(due, MOST_AT_ONCE); n > 0; n -= 1) {
    const { host, port } = addresses[sent % addresses.length];
    // With a single counter, each address would always get the same kinds.
    const round = Math.floor(sent / addresses.length);
    socket.send(noise[round % noise.length], port, host, () => undefined);
    sent += 1;
  }
}, TICK_MS);
const stop = () => {
  clearInterval(timer);
  clearTimeout(end);
  const seconds = (performance.now() - startMs) / 1_000;
  process.stdout.write(`${JSON.stringify({ sent, seconds })}\n`);
  socket.close();
};
const end = setTimeout(stop, Number(limitSeconds) * 1_000);
process.once('SIGTERM', stop);
