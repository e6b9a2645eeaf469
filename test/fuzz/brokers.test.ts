/**
 * Decoders of what brokers hear: datagrams from other machines, requests of other users, answers. Names in what they take
 * keep the rules of names.ts at any depth.
 */
import type { Message } from '../../src/broker/core/messages.ts';
import { DatagramOpener, DatagramSealer, type Seal } from '../../src/broker/wire/datagram.ts';
import { decodeMessages, encodeMessage } from '../../src/broker/wire/wire.ts';
import { encodeFrame, FrameDecoder } from '../../src/protocol/frame.ts';
import { encodeBrokerMessage, LOCAL_BROKER_FRAME } from '../../src/protocol/local-broker.ts';
import { decodeBrokerAnswer, decodeBrokerRequest } from '../../src/protocol/local-broker-schema.ts';
import { isNodeName, isText, isUserName } from '../../src/protocol/names.ts';
import { parsePeer } from '../../src/pmaked/peer-credentials.ts';
import { fuzz, oneOf, type Random } from '../rig/fuzz.ts';
import { nodeName, userName } from '../rig/names.ts';

const PEER = { nodeId: nodeName('n2'), bootId: 7, address: '10.0.0.2:7737' };
const TERM = { counter: 5, nodeId: PEER.nodeId };
const USER = userName('eve');
const MESSAGES: readonly Message[] = [
  { kind: 'heartbeat', term: TERM, members: 3, waiters: [{ nodeId: PEER.nodeId, user: USER }] },
  { kind: 'refuse', term: TERM, higher: TERM },
  {
    kind: 'report',
    report: { version: 1, available: true, slots: 8, inUse: 1, speed: 1, users: [{ user: USER, slots: 1 }] },
    answers: [{ offerId: 1, outcome: 'full' }],
  },
  { kind: 'request', stamp: 1, user: USER, patienceMs: 9, exclude: [PEER.nodeId], requestIds: [1, 2] },
  { kind: 'offer', offerId: 1, client: PEER, requestId: 1, stamp: 1, user: USER },
  { kind: 'lease', requestId: 1, leaseId: 1, stamp: 1, ttlMs: 10_000 },
  { kind: 'renew', stamp: 1, user: USER, leases: [{ bootId: 7, leaseId: 1, requestId: 1 }] },
  { kind: 'revoke', reason: 'evicted', leases: [{ bootId: 7, leaseId: 1 }] },
  { kind: 'roster', nodes: [{ ...PEER, freeSlots: 1, speed: 1 }] },
  {
    kind: 'condition',
    view: {
      node: PEER.nodeId,
      version: '0.1.0',
      state: 'busy',
      busyBy: { metric: 'cpu', value: 1, mark: 2 },
      slots: 1,
      inUse: 1,
      speed: 1,
      workers: 1,
      metrics: [{ metric: 'cpu', total: 1, foreign: 1, highMark: 1, lowMark: 1, judges: 'total' }],
      dropped: { malformed: 1 },
    },
  },
];
const REQUESTS = [
  { kind: 'request', id: 1, patienceMs: 9, exclude: [PEER.nodeId] },
  { kind: 'speed', node: PEER.nodeId, speed: 1 },
  { kind: 'release', lease: 'n2/7/1' },
  { kind: 'dispatcher', version: 2 },
] as const;
const ANSWERS = [
  { kind: 'welcome', version: 2, node: PEER.nodeId },
  { kind: 'leased', id: 1, lease: 'n2/7/1', node: PEER.nodeId },
  { kind: 'extend', leases: ['n2/7/1'], forMs: 7 },
  {
    kind: 'cluster',
    cluster: { cluster: 'x', node: PEER.nodeId, leader: { node: PEER.nodeId, term: 1 }, nodes: [], silent: [] },
  },
] as const;

/** Every text at any depth obeys what its key promises. */
function checkNames(value: unknown, key = ''): void {
  if (typeof value === 'string') {
    const isNode = ['node', 'nodeId', 'silent', 'exclude'].includes(key);
    // UNNAMED_WAITER, in a heartbeat, has no name.
    if (isNode && value !== '' && !isNodeName(value)) throw new Error(`node ${JSON.stringify(value)}`);
    if (key === 'user' && value !== '' && !isUserName(value)) throw new Error(`user ${JSON.stringify(value)}`);
    if (!isText(value)) throw new Error(`text ${JSON.stringify(value)}`);
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Error(`${key} is ${value}`);
  } else if (Array.isArray(value)) for (const one of value) checkNames(one, key);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, one] of Object.entries(value)) checkNames(one, name);
  }
}

const someMessages = (random: Random): Message[] =>
  Array.from({ length: 1 + random.below(3) }, () => oneOf(random, MESSAGES));

fuzz({
  name: 'messages in a datagram',
  valid: (random) => Buffer.concat(someMessages(random).map((message) => encodeMessage(message))),
  decode: decodeMessages,
  encode: (messages) => Buffer.concat(messages.map((message) => encodeMessage(message))),
  check: (messages) => checkNames(messages),
});

const NOW_MS = 1_700_000_000_000;
const seal = (name: string, key = 'k'.repeat(16)): Seal => ({
  ...{ cluster: 'x', key: Buffer.from(key), nodeId: nodeName(name), bootId: 1 },
});
fuzz({
  name: 'datagrams, whose signature nothing but the sealed bytes has',
  valid: (random) => new DatagramSealer(seal('n2'), () => NOW_MS).seal(someMessages(random), undefined)[0] ?? '',
  decode: (input) => new DatagramOpener(seal('n1'), () => NOW_MS).open(input),
  refuses: 'never',
  check: (opened, input) => {
    const forged = new DatagramOpener(seal('n1', 'other key of 16 '), () => NOW_MS).open(input);
    if (forged.ok) throw new Error('taken with another key');
    if (opened.ok) checkNames(opened.value.messages);
  },
});

const jsonFrame = (payload: Buffer) => ({ type: LOCAL_BROKER_FRAME, payload });
fuzz({
  name: 'requests to a broker',
  valid: (random) => JSON.stringify(oneOf<object>(random, REQUESTS)),
  decode: (input) => decodeBrokerRequest(jsonFrame(input)),
  check: (request) => checkNames(request),
});
fuzz({
  name: 'answers of a broker',
  valid: (random) => JSON.stringify(oneOf<object>(random, ANSWERS)),
  decode: (input) => decodeBrokerAnswer(jsonFrame(input)),
  check: (answer) => checkNames(answer),
});

const FRAME_LIMIT = 4_096;
fuzz({
  name: 'frames, in chunks of any size, of which no more is held than the limit',
  valid: () => Buffer.concat(REQUESTS.map((request) => encodeBrokerMessage(request))),
  decode: (input) => {
    const decoder = new FrameDecoder(FRAME_LIMIT);
    const frames = [];
    const chunk = 1 + (input.length % 61);
    for (let at = 0; at < input.length; at += chunk) {
      frames.push(...decoder.push(input.subarray(at, at + chunk)));
      if (decoder.heldBytes > FRAME_LIMIT + 4) throw new Error(`${decoder.heldBytes} bytes are held`);
    }
    return frames;
  },
  check: (frames) => {
    if (frames.some(({ payload }) => payload.length >= FRAME_LIMIT)) throw new Error('a payload over the limit');
  },
  pieces: ['\u0040\0\0\0'.padEnd(68, 'x'), '\u0000'],
});
fuzz({
  name: 'frames, which are the same again when they are encoded',
  valid: (random) =>
    Buffer.concat(
      Array.from({ length: random.below(4) }, () => encodeFrame(random.below(256), Buffer.alloc(random.below(40)))),
    ),
  decode: (input) => new FrameDecoder().push(input),
  encode: (frames) => Buffer.concat(frames.map(({ type, payload }) => encodeFrame(type, payload))),
  pieces: ['\u0040\0\0\0'.padEnd(68, 'x')],
});

fuzz({
  name: 'what ppeer says of a connection',
  valid: (random) => `${random.below(99_999)} ${random.below(2 ** 32)} ${oneOf(random, ['eve', 'a@b', '', '-x'])}`,
  decode: (input) => parsePeer(input.toString('utf8')),
  refuses: 'never',
  check: (peer) => checkNames(peer),
});
