import { describe, expect, it } from 'vitest';
import * as limits from '../../../src/broker/core/limits.ts';
import type { Message, MessageKind, MessageOf } from '../../../src/broker/core/messages.ts';
import { MAX_NODE_NAME_BYTES, MAX_USER_NAME_BYTES, type UserName } from '../../../src/protocol/names.ts';
import { decodeMessages, encodeMessage, MAX_MESSAGE_BYTES } from '../../../src/broker/wire/wire.ts';
import { METRICS } from '../../../src/load/metrics.ts';
import { nodeName, userName } from '../../rig/names.ts';

const id = nodeName('n'.repeat(MAX_NODE_NAME_BYTES));
const user = userName('u'.repeat(MAX_USER_NAME_BYTES));
const address = 'a'.repeat(limits.MAX_ADDRESS_BYTES);
const word = 'w'.repeat(limits.MAX_WORD_BYTES);
const top = 0xffff_ffff;
const bootId = Number.MAX_SAFE_INTEGER;
const term = { counter: bootId, nodeId: id };
const ids = Array.from({ length: limits.MAX_IDS }, (_, i) => top - i);
const leases = Array.from({ length: limits.MAX_LEASES }, (_, i) => ({ bootId, leaseId: i }));

/** One of each kind, every field and list at its limit. */
const LARGEST: { readonly [K in MessageKind]: MessageOf<K> } = {
  heartbeat: {
    kind: 'heartbeat',
    term,
    members: top,
    waiters: Array.from({ length: limits.MAX_WAITERS }, () => ({ nodeId: id, user })),
  },
  stand: { kind: 'stand', term },
  vote: { kind: 'vote', term },
  refuse: { kind: 'refuse', term, higher: term },
  handover: { kind: 'handover', term },
  ask: { kind: 'ask' },
  report: {
    kind: 'report',
    report: {
      version: top,
      available: true,
      slots: 65_535,
      inUse: 65_535,
      speed: 4_000_000,
      users: Array.from({ length: limits.MAX_USERS_REPORTED }, () => ({ user, slots: 65_535 })),
    },
    answers: Array.from({ length: limits.MAX_ANSWERS }, (_, offerId) => ({ offerId, outcome: 'full' as const })),
  },
  noted: { kind: 'noted', version: top },
  request: {
    kind: 'request',
    stamp: top,
    user,
    patienceMs: top,
    exclude: Array.from({ length: limits.MAX_EXCLUDED }, () => id),
    requestIds: ids,
  },
  cancel: { kind: 'cancel', requestIds: ids },
  queued: { kind: 'queued', requestIds: ids },
  none: { kind: 'none', reason: 'no-leader', requestIds: ids },
  'free-list': {
    kind: 'free-list',
    nodes: Array.from({ length: limits.MAX_HINTS }, () => ({ nodeId: id, bootId, address, freeSlots: 9, speed: 0.5 })),
  },
  offer: { kind: 'offer', offerId: top, client: { nodeId: id, bootId, address }, requestId: top, stamp: top, user },
  take: { kind: 'take', requestId: top, stamp: top, user },
  declined: { kind: 'declined', requestId: top, reason: 'full' },
  lease: { kind: 'lease', requestId: top, leaseId: top, stamp: top, ttlMs: top },
  renew: { kind: 'renew', stamp: top, user, leases: leases.map((lease) => ({ ...lease, requestId: top })) },
  renewed: { kind: 'renewed', stamp: top, held: leases, gone: [], mayExtend: true },
  wanted: { kind: 'wanted', leases },
  release: { kind: 'release', leases },
  released: { kind: 'released', leases },
  revoke: { kind: 'revoke', reason: 'expired', leases },
  who: { kind: 'who', wantsRoster: true },
  capacity: { kind: 'capacity', term, nodes: top, slots: top },
  roster: {
    kind: 'roster',
    nodes: Array.from({ length: limits.MAX_HINTS }, () => ({ nodeId: id, bootId, address, freeSlots: 9, speed: 0.5 })),
  },
  inspect: { kind: 'inspect' },
  condition: {
    kind: 'condition',
    view: {
      node: id,
      version: word,
      state: 'busy',
      busyBy: { metric: word, value: 0.1, mark: 1e300 },
      slots: 65_535,
      inUse: 65_535,
      speed: 4_000_000,
      workers: 65_535,
      metrics: Array.from({ length: limits.MAX_METRICS }, (_, i) => ({
        metric: word,
        total: 1e9,
        foreign: i,
        highMark: 0.5,
        lowMark: 0.25,
        judges: 'total' as const,
      })),
      dropped: Object.fromEntries(
        Array.from({ length: limits.MAX_DROP_REASONS }, (_, i) => [`${i}${word}`.slice(0, 20), bootId]),
      ),
    },
  },
  speed: { kind: 'speed', speed: 4_000_000 },
};

const all: readonly Message[] = Object.values(LARGEST);

describe('broker messages', () => {
  it.each(all)('$kind comes back as it was, and its largest form fits', (message) => {
    const bytes = encodeMessage(message);
    expect(bytes.length).toBeLessThanOrEqual(MAX_MESSAGE_BYTES + 3);
    expect(decodeMessages(bytes)).toEqual([message]);
  });

  it('come in their order, several in a row', () => {
    expect(decodeMessages(Buffer.concat(all.map(encodeMessage)))).toEqual(all);
  });

  it('of a later release are skipped, and what follows is read', () => {
    const unknown = Buffer.from([200, 2, 0, 7, 7]);
    expect(decodeMessages(Buffer.concat([unknown, encodeMessage({ kind: 'ask' })]))).toEqual([{ kind: 'ask' }]);
  });

  it('may grow at the end: an older reader takes what it knows', () => {
    const bytes = Buffer.concat([encodeMessage({ kind: 'stand', term }), Buffer.from([1, 2])]);
    bytes.writeUInt16LE(bytes.readUInt16LE(1) + 2, 1);
    expect(decodeMessages(bytes)).toEqual([{ kind: 'stand', term }]);
  });

  it('of an earlier release end sooner: then another user may wait, and no lease may be extended', () => {
    const heartbeat = encodeMessage({ kind: 'heartbeat', term, members: 3, waiters: [] });
    const renewed = encodeMessage({ kind: 'renewed', stamp: top, held: leases, gone: [], mayExtend: true });
    const shortened = [heartbeat, renewed].map((bytes) => {
      bytes.writeUInt16LE(bytes.readUInt16LE(1) - 1, 1);
      return bytes.subarray(0, -1);
    });
    expect(decodeMessages(Buffer.concat(shortened))).toMatchObject([
      { members: 3, waiters: [{ nodeId: '', user: '' }] },
      { held: leases, mayExtend: false },
    ]);
  });

  it.each<[string, Message]>([
    ['a name', { kind: 'take', requestId: 1, stamp: 1, user: `${user}u` as UserName }],
    ['a list', { kind: 'cancel', requestIds: [...ids, 1] }],
  ])('refuse to be written with %s over its limit', (_, message) => {
    expect(() => encodeMessage(message)).toThrow(RangeError);
  });
});

it('has room for every metric in the description of a node', () => {
  expect(METRICS.length).toBeLessThanOrEqual(limits.MAX_METRICS);
});
