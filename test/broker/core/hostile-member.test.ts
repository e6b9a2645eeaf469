/** What another holder of the cluster's key may say to a broker: every number at its end, and more than anybody asked for. */
import { expect, test } from 'vitest';
import { Broker, type BrokerEvent } from '../../../src/broker/core/broker.ts';
import type { Effect } from '../../../src/broker/core/effects.ts';
import { MAX_IDS, MAX_OPEN_REQUESTS, MAX_UNASKED_LEASES } from '../../../src/broker/core/limits.ts';
import type { Message, MessageKind, MessageOf, Peer } from '../../../src/broker/core/messages.ts';
import { LEASE_TTL_MS, RELEASE_REPEAT_MS, RELEASE_TRIES } from '../../../src/broker/core/timing.ts';
import { decodeMessages, encodeMessage } from '../../../src/broker/wire/wire.ts';
import { nodeName, userName } from '../../rig/names.ts';

const EVIL: Peer = { nodeId: nodeName('evil'), bootId: 1, address: 'evil' };
const HONEST: Peer = { nodeId: nodeName('n3'), bootId: 1, address: 'n3' };

class Target {
  nowMs = 0;
  readonly broker = new Broker({
    nodeId: nodeName('n1'),
    bootId: 1,
    firstCounter: 1,
    random: () => 0.5,
    nowMs: 0,
    holdMs: 0,
  });
  readonly effects: Effect[] = [];

  constructor() {
    this.step({ kind: 'node-state', state: { available: true, slots: 2, speed: 1 } });
  }

  step(event: BrokerEvent): void {
    this.effects.push(...this.broker.step(event, this.nowMs));
  }

  hear(from: Peer, message: Message): void {
    this.step({ kind: 'received', from, message });
  }

  wait(forMs: number): void {
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs;) {
      this.nowMs = Math.min(Math.max(this.broker.nextTickMs, this.nowMs + 1), endMs);
      this.step({ kind: 'tick' });
    }
  }

  /** What it said of a kind since the last look, as it arrives at others; throws where the bytes are refused. */
  said<K extends MessageKind>(kind: K): MessageOf<K>[] {
    const sent = this.effects.splice(0).flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []));
    const heard = sent.flatMap((message) => decodeMessages(encodeMessage(message)));
    return heard.filter((message): message is MessageOf<K> => message.kind === kind);
  }
}

test('a leader in the last term of all can be followed by another', () => {
  const target = new Target();
  const term = { counter: Number.MAX_SAFE_INTEGER, nodeId: EVIL.nodeId };
  target.hear(EVIL, { kind: 'heartbeat', term, members: 3, waiters: [] });
  expect(target.broker.leader).toBeUndefined();
  target.wait(3_000);
  expect(target.broker.leader).toBeDefined();
  expect(target.said('heartbeat').at(-1)?.term).toEqual({ counter: Number.MAX_SAFE_INTEGER, nodeId: 'n1' });
});

test('a client cannot fill the leader’s queue alone, and another one’s request is queued', () => {
  const target = new Target();
  target.step({ kind: 'node-state', state: { available: true, slots: 0, speed: 1 } });
  target.wait(3_000);
  target.effects.length = 0;
  const ask = (from: Peer, first: number): void =>
    target.hear(from, {
      kind: 'request',
      stamp: 0,
      user: userName('eve'),
      patienceMs: 2 ** 32 - 1,
      exclude: [],
      requestIds: Array.from({ length: MAX_IDS }, (_, index) => first + index),
    });
  const messages = Math.ceil(MAX_OPEN_REQUESTS / MAX_IDS) + 10;
  for (let count = 0; count < messages; count += 1) ask(EVIL, 1 + count * MAX_IDS);
  const refused = target.said('none').flatMap(({ reason, requestIds }) => requestIds.map(() => reason));
  expect(refused).toEqual(Array<string>(messages * MAX_IDS - MAX_OPEN_REQUESTS).fill('queue-full'));
  ask(HONEST, 1);
  expect(target.said('queued').flatMap(({ requestIds }) => requestIds)).toHaveLength(MAX_IDS);
});

test('leases that were not requested go back, a bounded number at once, and nothing of them is left', () => {
  const target = new Target();
  const leases = 5 * MAX_UNASKED_LEASES;
  for (let leaseId = 1; leaseId <= leases; leaseId += 1) {
    target.hear(EVIL, { kind: 'lease', requestId: leaseId, leaseId, stamp: 0, ttlMs: 2 ** 32 - 1 });
  }
  target.wait(RELEASE_REPEAT_MS / 2);
  expect(target.said('release').flatMap((message) => message.leases)).toHaveLength(MAX_UNASKED_LEASES);
  target.wait((RELEASE_TRIES + 1) * RELEASE_REPEAT_MS);
  expect(target.said('lease')).toEqual([]);
  target.hear(EVIL, { kind: 'lease', requestId: 1, leaseId: leases + 1, stamp: 0, ttlMs: 0 });
  target.wait(RELEASE_REPEAT_MS / 2);
  expect(target.said('release').flatMap((message) => message.leases)).toHaveLength(1);
});

test('a lease for seven weeks ends like any other', () => {
  const target = new Target();
  target.step({ kind: 'node-state', state: { available: true, slots: 0, speed: 1 } });
  target.hear(EVIL, {
    kind: 'heartbeat',
    term: { counter: 9, nodeId: EVIL.nodeId },
    members: 2,
    waiters: [],
  });
  target.step({ kind: 'request', request: { requestId: 1, user: userName('eve'), patienceMs: 1_000, exclude: [] } });
  target.hear(EVIL, { kind: 'lease', requestId: 1, leaseId: 1, stamp: target.nowMs, ttlMs: 2 ** 32 - 1 });
  expect(target.effects).toContainEqual(expect.objectContaining({ kind: 'leased', requestId: 1 }));
  target.wait(LEASE_TTL_MS + 1);
  expect(target.effects).toContainEqual(expect.objectContaining({ kind: 'lost', reason: 'expired' }));
});
