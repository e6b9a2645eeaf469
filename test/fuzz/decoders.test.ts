/**
 * Decoders of what other machines and other users send, against random changes of what is valid: each gives a value that
 * keeps its rules or throws MalformedError, within its time. A failure names its seed: PMAKE_SEED=7 runs that one alone.
 */
import { expect, test } from 'vitest';
import type { Message } from '../../src/broker/core/messages.ts';
import { decodeMessages, encodeMessage } from '../../src/broker/wire/wire.ts';
import { encodeFrame, FrameDecoder } from '../../src/protocol/frame.ts';
import { encodeBrokerMessage, LOCAL_BROKER_FRAME } from '../../src/protocol/local-broker.ts';
import { decodeBrokerAnswer, decodeBrokerRequest } from '../../src/protocol/local-broker-schema.ts';
import { isNodeName, isText, isUserName } from '../../src/protocol/names.ts';
import { MalformedError } from '../../src/util/bytes.ts';
import { seededRandom } from '../broker/seeded-random.ts';
import { nodeName, userName } from '../rig/names.ts';

/** Each test ends after this, however slow the machine; a seed takes less than a millisecond. */
const LIMIT_MS = 1_500;
const SEEDS = 20_000;
/** What a broken decoder would let through: quotes, commands, escapes, numbers at their ends, keys of prototypes. */
const NASTY = [
  "'$(id)'",
  '-oX=y',
  '\u001b[2J',
  '\u202e',
  '__proto__',
  '1e999',
  '-1',
  'null',
  '{}',
  '[[',
  '\\u0000',
  '',
];

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
  { kind: 'keep', leases: ['n2/7/1'], forMs: 7 },
  {
    kind: 'cluster',
    cluster: { cluster: 'x', node: PEER.nodeId, leader: { node: PEER.nodeId, term: 1 }, nodes: [], silent: [] },
  },
] as const;

type Random = () => number;
const below = (random: Random, limit: number): number => Math.floor(random() * limit);
const pick = <T>(random: Random, list: readonly T[]): T => {
  const one = list[below(random, list.length)];
  if (one === undefined) throw new RangeError('an empty list');
  return one;
};

/** Some bytes changed, taken out, put in or cut off. */
function mutate(random: Random, bytes: Buffer): Buffer {
  let changed = Buffer.from(bytes);
  for (let count = 1 + below(random, 4); count > 0; count -= 1) {
    const at = below(random, changed.length + 1);
    const rest = changed.subarray(at);
    const way = below(random, 5);
    if (way === 0)
      changed = Buffer.concat([changed.subarray(0, at), Buffer.from([below(random, 256)]), rest.subarray(1)]);
    else if (way === 1) changed = Buffer.concat([changed.subarray(0, at), rest.subarray(1 + below(random, 8))]);
    else if (way === 2) changed = Buffer.concat([changed.subarray(0, at), Buffer.from(pick(random, NASTY)), rest]);
    else if (way === 3) changed = Buffer.concat([changed.subarray(0, at), Buffer.alloc(below(random, 9), 0xff), rest]);
    else changed = changed.subarray(0, at);
  }
  return changed;
}

/** How many of the seeds gave a value. */
function fuzz(once: (random: Random) => void): number {
  const only = process.env.PMAKE_SEED;
  const first = only === undefined ? 1 : Number(only);
  const last = only === undefined ? SEEDS : first;
  const endMs = performance.now() + LIMIT_MS;
  let taken = 0;
  for (let seed = first; seed <= last && performance.now() < endMs; seed += 1) {
    try {
      once(seededRandom(seed));
      taken += 1;
    } catch (cause) {
      if (!(cause instanceof MalformedError)) throw new Error(`PMAKE_SEED=${seed}`, { cause });
    }
  }
  return taken;
}

/** Every text at any depth obeys what its key promises. */
function checkNames(value: unknown, key = ''): void {
  if (typeof value === 'string') {
    const isNode = ['node', 'nodeId', 'silent', 'exclude'].includes(key);
    // SOMEBODY, in a heartbeat, has no name.
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

test('messages in a datagram', () => {
  const taken = fuzz((random) => {
    const bytes = Buffer.concat(
      Array.from({ length: 1 + below(random, 3) }, () => encodeMessage(pick(random, MESSAGES))),
    );
    const messages = decodeMessages(mutate(random, bytes));
    checkNames(messages);
    // What was taken can be said again: no list or number is beyond what the encoder allows.
    for (const message of messages) encodeMessage(message);
  });
  if (process.env.PMAKE_SEED === undefined) expect(taken).toBeGreaterThan(10);
});

test.each([
  ['requests to a broker', REQUESTS, decodeBrokerRequest],
  ['answers of a broker', ANSWERS, decodeBrokerAnswer],
] as const)('%s', (_, valid, decode) => {
  const taken = fuzz((random) => {
    const text = mutate(random, Buffer.from(JSON.stringify(pick<object>(random, valid))));
    const [frame] = new FrameDecoder().push(encodeFrame(LOCAL_BROKER_FRAME, text));
    if (frame) checkNames(decode(frame));
  });
  if (process.env.PMAKE_SEED === undefined) expect(taken).toBeGreaterThan(10);
});

test('frames, in chunks of any size, never hold more than their limit', () => {
  const limit = 4_096;
  fuzz((random) => {
    const decoder = new FrameDecoder(limit);
    const stream = mutate(random, Buffer.concat(REQUESTS.map((request) => encodeBrokerMessage(request))));
    for (let at = 0; at < stream.length;) {
      const end = at + 1 + below(random, 64);
      for (const { payload } of decoder.push(stream.subarray(at, end))) expect(payload.length).toBeLessThan(limit);
      expect(decoder.heldBytes).toBeLessThanOrEqual(limit + 4);
      at = end;
    }
  });
});
