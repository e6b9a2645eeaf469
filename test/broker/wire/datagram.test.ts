import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  DatagramOpener,
  DatagramSealer,
  type ExcludedSender,
  MAX_CLOCK_DIFFERENCE_MS,
  MAX_DATAGRAM_BYTES,
  type Seal,
} from '../../../src/broker/wire/datagram.ts';
import type { Message } from '../../../src/broker/core/messages.ts';
import type { NodeName, UserName } from '../../../src/protocol/names.ts';
import { seededRandom } from '../seeded-random.ts';
import { nodeName, userName } from '../../rig/names.ts';

const key = Buffer.alloc(32, 7);
const sender: Seal = { cluster: 'lab', key, nodeId: nodeName('n1'), bootId: 11 };
const receiver: Seal = { ...sender, nodeId: nodeName('n2'), bootId: 22 };
const NOW_MS = 1_700_000_000_000;
const now = (): number => NOW_MS;
const opener = (seal: Partial<Seal> = {}, clock = now, onExcluded?: (sender: ExcludedSender) => void): DatagramOpener =>
  new DatagramOpener({ ...receiver, ...seal }, clock, onExcluded);
const ask: Message = { kind: 'ask' };
const report: Message = {
  kind: 'report',
  report: { version: 3, available: true, slots: 8, inUse: 2, speed: 1.5, users: [{ user: userName('eve'), slots: 2 }] },
  answers: [{ offerId: 9, outcome: 'accepted' }],
};

function one(messages: readonly Message[] = [ask], seal = sender, { to = 'n2', atMs = NOW_MS } = {}): Buffer {
  const [bytes] = new DatagramSealer(seal, () => atMs).seal(messages, to === '' ? undefined : nodeName(to));
  if (bytes === undefined) throw new Error('nothing was sealed');
  return bytes;
}

describe('a datagram', () => {
  it('carries several messages and says who sent them', () => {
    const opened = opener().open(one([ask, report]));
    expect(opened).toEqual({ ok: true, value: { nodeId: 'n1', bootId: 11, messages: [ask, report] } });
  });

  it('never is longer than the limit, however many messages there are', () => {
    const many = Array.from({ length: 200 }, () => report);
    const datagrams = new DatagramSealer(sender, now).seal(many, receiver.nodeId);
    expect(Math.max(...datagrams.map((bytes) => bytes.length))).toBeLessThanOrEqual(MAX_DATAGRAM_BYTES);
    const to = opener();
    const opened = datagrams.map((bytes) => to.open(bytes));
    expect(opened.flatMap((result) => (result.ok ? result.value.messages : []))).toEqual(many);
  });

  it.each([
    ['another cluster', one(), { cluster: 'other' }, 'unknown-cluster'],
    ['another key', one(), { key: Buffer.alloc(32, 8) }, 'bad-hmac'],
    ['itself', one(), { nodeId: nodeName('n1'), bootId: 11 }, 'own'],
    ['no sender: empty', Buffer.alloc(0), {}, 'malformed'],
    ['no sender: noise', Buffer.alloc(300, 1), {}, 'malformed'],
    ['no sender: too long', Buffer.alloc(MAX_DATAGRAM_BYTES + 1), {}, 'too-long'],
  ] as const)('from %s is dropped', (_, bytes, seal, reason) => {
    expect(opener(seal).open(bytes)).toEqual({ ok: false, failure: reason });
  });

  it('of another version is dropped as such', () => {
    const bytes = one();
    bytes.writeUInt8(99, 4);
    expect(opener().open(bytes)).toEqual({ ok: false, failure: 'wrong-version' });
  });

  it('is taken by the node that it is for, and one for a group by all', () => {
    const offer = one();
    expect(opener().open(offer).ok).toBe(true);
    expect(opener({ nodeId: nodeName('n3') }).open(offer)).toEqual({ ok: false, failure: 'other-receiver' });
    const toAll = one([ask], sender, { to: '' });
    expect(opener().open(toAll).ok).toBe(true);
    expect(opener({ nodeId: nodeName('n3') }).open(toAll).ok).toBe(true);
  });

  it.each([-1, 1])('that was sent at another time is a recording, also for a broker that just started (%i)', (sign) => {
    const near = one([ask], sender, { atMs: NOW_MS + sign * MAX_CLOCK_DIFFERENCE_MS });
    expect(opener().open(near).ok).toBe(true);
    const far = one([ask], sender, { atMs: NOW_MS + sign * (MAX_CLOCK_DIFFERENCE_MS + 1) });
    const excluded: ExcludedSender[] = [];
    expect(opener({}, now, (one) => excluded.push(one)).open(far)).toEqual({ ok: false, failure: 'wrong-time' });
    expect(excluded).toEqual([{ nodeId: 'n1', reason: 'wrong-time', aheadMs: sign * (MAX_CLOCK_DIFFERENCE_MS + 1) }]);
  });

  it('of a node whose clock was wrong once is taken as soon as the clock is right', () => {
    const to = opener();
    const atMs = NOW_MS + 86_400_000;
    expect(to.open(one([ask], { ...sender, bootId: atMs }, { atMs })).ok).toBe(false);
    expect(to.open(one([ask], { ...sender, bootId: NOW_MS })).ok).toBe(true);
  });

  it('of an earlier boot is refused, until the later one has been silent for so long that no recording of it is taken', () => {
    let nowMs = NOW_MS;
    const excluded: string[] = [];
    const to = opener(
      {},
      () => nowMs,
      ({ reason }) => excluded.push(reason),
    );
    const at = (bootId: number): Buffer => one([ask], { ...sender, bootId }, { atMs: nowMs });
    expect(to.open(at(12)).ok).toBe(true);
    nowMs += 2 * MAX_CLOCK_DIFFERENCE_MS;
    expect(to.open(at(11))).toEqual({ ok: false, failure: 'old-boot' });
    expect(excluded).toEqual(['old-boot']);
    nowMs += 1;
    expect(to.open(at(11)).ok).toBe(true);
  });

  it('of another key is taken while the cluster changes its key', () => {
    const next = Buffer.alloc(32, 9);
    expect(opener({ otherKey: next }).open(one([ask], { ...sender, key: next })).ok).toBe(true);
    expect(opener({ key: next, otherKey: key }).open(one()).ok).toBe(true);
    expect(opener({ otherKey: next }).open(one([ask], { ...sender, key: Buffer.alloc(32, 8) }))).toEqual({
      ok: false,
      failure: 'bad-hmac',
    });
  });

  it.each(["a'$(id)'", '-oProxyCommand=id', 'a b', ''])('from a node that calls itself %j is dropped', (name) => {
    const seal = { ...sender, nodeId: name as NodeName };
    expect(opener().open(one([ask], seal))).toEqual({ ok: false, failure: 'malformed' });
  });

  it('that offers a slot to a client of such a name is dropped', () => {
    const client = { nodeId: "a'$(id)'" as NodeName, bootId: 1, address: '10.0.0.1:1' };
    const offer: Message = { kind: 'offer', offerId: 1, client, requestId: 1, stamp: 0, user: userName('eve') };
    expect(opener().open(one([offer]))).toEqual({ ok: false, failure: 'malformed' });
    const take: Message = { kind: 'take', requestId: 1, stamp: 0, user: '$(id)' as UserName };
    expect(opener().open(one([take]))).toEqual({ ok: false, failure: 'malformed' });
  });

  it('is taken once', () => {
    const to = opener();
    const bytes = one();
    expect(to.open(bytes).ok).toBe(true);
    expect(to.open(bytes)).toEqual({ ok: false, failure: 'old-sequence' });
  });

  it('with any bit turned over is dropped, without an exception and without shutting the sender out', () => {
    const to = opener();
    const bytes = one([ask, report]);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(to.open(changed).ok).toBe(false);
    }
    for (let length = 0; length < bytes.length; length++) expect(to.open(bytes.subarray(0, length)).ok).toBe(false);
    expect(to.open(bytes).ok).toBe(true);
  });

  // A sender that has the key but a broken encoder: what is signed need not make sense.
  it('that is signed nonsense never makes the opener throw', () => {
    const random = seededRandom(42);
    const to = opener();
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 5_000; round++) {
      const result = to.open(signedNonsense(random, round + 1));
      const outcome = result.ok ? 'opened' : result.failure;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    // Both ways out have been gone: otherwise this tests nothing.
    expect(outcomes.get('opened')).toBeGreaterThan(10);
    expect(outcomes.get('malformed')).toBeGreaterThan(250);
  });
});

function signedNonsense(random: () => number, sequence: number): Buffer {
  const sealed = one([report, ask, report], { ...sender, bootId: 100 + sequence });
  const bytes = Buffer.from(sealed);
  const changes = 1 + Math.floor(random() * 3);
  // Behind the header, which ends after magic, version, two names, boot id, sequence, time and destination.
  const start = 5 + 4 + 3 + 24 + 3;
  for (let i = 0; i < changes; i++) {
    const at = start + Math.floor(random() * (bytes.length - start - 32));
    bytes.writeUInt8(Math.floor(random() * 256), at);
  }
  return resign(bytes);
}

function resign(bytes: Buffer): Buffer {
  const signed = bytes.subarray(0, bytes.length - 32);
  return Buffer.concat([signed, createHmac('sha256', key).update(signed).digest()]);
}
