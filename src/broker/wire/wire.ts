/**
 * Encoding of broker messages. Unaware of who sent them and of the datagrams around them (datagram.ts).
 *
 * Version range: exactly BROKER_WIRE_VERSION, which is in every datagram. The table is append-only: a number in TYPES
 * is never reused for another message, and a changed meaning takes a new number. A message of unknown type is skipped
 * by its length, and so are fields that a later release appended to a message; fields missing from an earlier release's
 * message take a default.
 */
import { MalformedError } from '../../util/bytes.ts';
import * as limits from '../core/limits.ts';
import {
  type DeclineReason,
  type LossReason,
  type Message,
  type MessageKind,
  type MessageOf,
  type NoneReason,
  type OfferAnswer,
  UNNAMED_WAITER,
} from '../core/messages.ts';
import { FieldReader, FieldWriter } from './wire-fields.ts';
import { readFreeNodes, readPeer, readWaiters, writeFreeNodes, writePeer, writeWaiters } from './wire-peers.ts';
import { readView, writeView } from './wire-view.ts';

/** The only version this broker accepts. */
export const BROKER_WIRE_VERSION = 2;
/** A message of this size fits a datagram of 1,200 bytes with the largest header and the signature. */
export const MAX_MESSAGE_BYTES = 960;

/** The messages, with their sender, receiver and meaning. */
const TYPES = {
  /**
   * Leader → available group: I lead in this term, know this many nodes, and these requests wait. Report if you have
   * not yet.
   */
  heartbeat: 1,
  /** Candidate → available group: I hear no leader; does any node object to my leading in this term? */
  stand: 2,
  /** Node → candidate: I hear no leader either, and will follow you. */
  vote: 3,
  /** Node → candidate: no, there is a leader or a candidate with a higher claim; this is its term. */
  refuse: 4,
  /** Leader → node: I am leaving (or busy); lead in this term, starting now. */
  handover: 5,
  /** Leader → node: you did not answer an offer; report if you are alive. */
  ask: 6,
  /** Node → leader group: the state of my slots, and answers to offers. */
  report: 7,
  /** Client → leader group: grant a slot for each of these requests; repeated while they are open. */
  request: 8,
  /** Client → leader group: these requests are no longer needed. */
  cancel: 9,
  /** Leader → client: all slots are taken; these requests are queued here. */
  queued: 10,
  /** Leader → client: there is no slot for these requests. */
  none: 11,
  /** Leader → client: nodes with free slots, best first, for use if I am lost. */
  freeList: 12,
  /** Leader → node: give this client a slot for this request, if you have one. */
  offer: 13,
  /** Client → node, when there is no leader: give me a slot, if you have one. */
  take: 14,
  /** Node → client: I decline your `take`. */
  declined: 15,
  /** Node → client: the slot is yours for this long, and longer if you renew. */
  lease: 16,
  /** Client → node: I am still using these leases. */
  renew: 17,
  /** Node → client: you still hold these leases, and perhaps may keep them; you do not hold those. */
  renewed: 18,
  /** Client → node: I no longer use these leases; repeated until acknowledged. */
  release: 19,
  /** Node → client: these leases are released. */
  released: 20,
  /** Node → client: stop the jobs under these leases, then release them. */
  revoke: 21,
  /** Client → leader group: how large is the cluster, and optionally: which nodes are in it? */
  who: 22,
  /** Leader → client: I lead in this term; this many nodes accept work, with this many slots. */
  capacity: 23,
  /** Leader → client: some of the nodes on my list. */
  roster: 24,
  /** Any process with the key → node: describe yourself. */
  inspect: 25,
  /** Node → sender of `inspect`: my condition. */
  condition: 26,
  /** Client → node: the speed that I measured with my jobs on you. */
  speed: 27,
  /** Leader → node: I have the report that you repeated. */
  noted: 28,
  /** Node → client: you may no longer keep these leases; another waiter needs them. */
  wanted: 29,
} as const;

const DECLINES: readonly DeclineReason[] = ['busy', 'full'];
const NONES: readonly NoneReason[] = ['patience', 'queue-full', 'no-leader'];
const LOSSES: readonly LossReason[] = ['evicted', 'drained', 'gone', 'expired'];
const OUTCOMES: readonly OfferAnswer['outcome'][] = ['accepted', 'busy', 'full'];

interface Codec<M extends Message> {
  readonly type: number;
  readonly write: (message: M, to: FieldWriter) => void;
  readonly read: (from: FieldReader) => M;
}

const CODECS: { readonly [K in MessageKind]: Codec<MessageOf<K>> } = {
  heartbeat: {
    type: TYPES.heartbeat,
    write: ({ term, members, waiters }, to) => {
      to.term(term).u32(members);
      writeWaiters(waiters, to);
    },
    read: (from) => ({
      kind: 'heartbeat',
      term: from.term(),
      members: from.u32(),
      // A leader of an earlier release does not name its waiters: assume that there are some.
      waiters: from.remaining === 0 ? [UNNAMED_WAITER] : readWaiters(from),
    }),
  },
  stand: {
    type: TYPES.stand,
    write: ({ term }, to) => to.term(term),
    read: (from) => ({ kind: 'stand', term: from.term() }),
  },
  vote: {
    type: TYPES.vote,
    write: ({ term }, to) => to.term(term),
    read: (from) => ({ kind: 'vote', term: from.term() }),
  },
  refuse: {
    type: TYPES.refuse,
    write: ({ term, higher }, to) => to.term(term).term(higher),
    read: (from) => ({ kind: 'refuse', term: from.term(), higher: from.term() }),
  },
  handover: {
    type: TYPES.handover,
    write: ({ term }, to) => to.term(term),
    read: (from) => ({ kind: 'handover', term: from.term() }),
  },
  ask: {
    type: TYPES.ask,
    write: () => undefined,
    read: () => ({ kind: 'ask' }),
  },
  report: {
    type: TYPES.report,
    write: ({ report, answers }, to) => {
      to.u32(report.version).flag(report.available).u16(report.slots).u16(report.inUse).speed(report.speed);
      to.list(report.users, limits.MAX_USERS_REPORTED, ({ user, slots }) => to.user(user).u16(slots));
      to.list(answers, limits.MAX_ANSWERS, (a) => to.u32(a.offerId).oneOf(OUTCOMES, a.outcome));
    },
    read: (from) => ({
      kind: 'report',
      report: {
        version: from.u32(),
        available: from.flag(),
        slots: from.u16(),
        inUse: from.u16(),
        speed: from.speed(),
        users: from.list(limits.MAX_USERS_REPORTED, () => ({ user: from.user(), slots: from.u16() })),
      },
      answers: from.list(limits.MAX_ANSWERS, () => ({ offerId: from.u32(), outcome: from.oneOf(OUTCOMES) })),
    }),
  },
  noted: {
    type: TYPES.noted,
    write: ({ version }, to) => to.u32(version),
    read: (from) => ({ kind: 'noted', version: from.u32() }),
  },
  request: {
    type: TYPES.request,
    write: ({ stamp, user, patienceMs, exclude, requestIds }, to) => {
      to.u32(stamp).user(user).u32(patienceMs);
      to.list(exclude, limits.MAX_EXCLUDED, (id) => to.nodeId(id));
      to.ids(requestIds);
    },
    read: (from) => ({
      kind: 'request',
      stamp: from.u32(),
      user: from.user(),
      patienceMs: from.u32(),
      exclude: from.list(limits.MAX_EXCLUDED, () => from.nodeId()),
      requestIds: from.ids(),
    }),
  },
  cancel: {
    type: TYPES.cancel,
    write: ({ requestIds }, to) => to.ids(requestIds),
    read: (from) => ({ kind: 'cancel', requestIds: from.ids() }),
  },
  queued: {
    type: TYPES.queued,
    write: ({ requestIds }, to) => to.ids(requestIds),
    read: (from) => ({ kind: 'queued', requestIds: from.ids() }),
  },
  none: {
    type: TYPES.none,
    write: ({ reason, requestIds }, to) => to.oneOf(NONES, reason).ids(requestIds),
    read: (from) => ({ kind: 'none', reason: from.oneOf(NONES), requestIds: from.ids() }),
  },
  'free-list': {
    type: TYPES.freeList,
    write: ({ nodes }, to) => writeFreeNodes(nodes, to),
    read: (from) => ({ kind: 'free-list', nodes: readFreeNodes(from) }),
  },
  offer: {
    type: TYPES.offer,
    write: ({ offerId, client, requestId, stamp, user }, to) => {
      to.u32(offerId);
      writePeer(client, to);
      to.u32(requestId).u32(stamp).user(user);
    },
    read: (from) => ({
      kind: 'offer',
      offerId: from.u32(),
      client: readPeer(from),
      requestId: from.u32(),
      stamp: from.u32(),
      user: from.user(),
    }),
  },
  take: {
    type: TYPES.take,
    write: ({ requestId, stamp, user }, to) => to.u32(requestId).u32(stamp).user(user),
    read: (from) => ({ kind: 'take', requestId: from.u32(), stamp: from.u32(), user: from.user() }),
  },
  declined: {
    type: TYPES.declined,
    write: ({ requestId, reason }, to) => to.u32(requestId).oneOf(DECLINES, reason),
    read: (from) => ({ kind: 'declined', requestId: from.u32(), reason: from.oneOf(DECLINES) }),
  },
  lease: {
    type: TYPES.lease,
    write: ({ requestId, leaseId, stamp, ttlMs }, to) =>
      to.u32(requestId).u32(leaseId).u32(stamp).u32(Math.floor(ttlMs)),
    read: (from) => ({
      kind: 'lease',
      requestId: from.u32(),
      leaseId: from.u32(),
      stamp: from.u32(),
      ttlMs: from.u32(),
    }),
  },
  renew: {
    type: TYPES.renew,
    write: ({ stamp, user, leases }, to) => {
      to.u32(stamp).user(user);
      to.list(leases, limits.MAX_LEASES, (lease) => to.lease(lease).u32(lease.requestId));
    },
    read: (from) => ({
      kind: 'renew',
      stamp: from.u32(),
      user: from.user(),
      leases: from.list(limits.MAX_LEASES, () => ({ ...from.lease(), requestId: from.u32() })),
    }),
  },
  renewed: {
    type: TYPES.renewed,
    write: ({ stamp, held, gone, mayExtend }, to) => to.u32(stamp).leases(held).leases(gone).flag(mayExtend),
    read: (from) => ({
      kind: 'renewed',
      stamp: from.u32(),
      held: from.leases(),
      gone: from.leases(),
      mayExtend: from.remaining > 0 && from.flag(),
    }),
  },
  wanted: {
    type: TYPES.wanted,
    write: ({ leases }, to) => to.leases(leases),
    read: (from) => ({ kind: 'wanted', leases: from.leases() }),
  },
  release: {
    type: TYPES.release,
    write: ({ leases }, to) => to.leases(leases),
    read: (from) => ({ kind: 'release', leases: from.leases() }),
  },
  released: {
    type: TYPES.released,
    write: ({ leases }, to) => to.leases(leases),
    read: (from) => ({ kind: 'released', leases: from.leases() }),
  },
  revoke: {
    type: TYPES.revoke,
    write: ({ reason, leases }, to) => to.oneOf(LOSSES, reason).leases(leases),
    read: (from) => ({ kind: 'revoke', reason: from.oneOf(LOSSES), leases: from.leases() }),
  },
  who: {
    type: TYPES.who,
    write: ({ wantsRoster }, to) => to.flag(wantsRoster),
    read: (from) => ({ kind: 'who', wantsRoster: from.flag() }),
  },
  capacity: {
    type: TYPES.capacity,
    write: ({ term, nodes, slots }, to) => to.term(term).u32(nodes).u32(slots),
    read: (from) => ({ kind: 'capacity', term: from.term(), nodes: from.u32(), slots: from.u32() }),
  },
  roster: {
    type: TYPES.roster,
    write: ({ nodes }, to) => writeFreeNodes(nodes, to),
    read: (from) => ({ kind: 'roster', nodes: readFreeNodes(from) }),
  },
  inspect: {
    type: TYPES.inspect,
    write: () => undefined,
    read: () => ({ kind: 'inspect' }),
  },
  condition: {
    type: TYPES.condition,
    write: ({ view }, to) => writeView(view, to),
    read: (from) => ({ kind: 'condition', view: readView(from) }),
  },
  speed: {
    type: TYPES.speed,
    write: ({ speed }, to) => to.speed(speed),
    read: (from) => ({ kind: 'speed', speed: from.speed() }),
  },
};

const BY_TYPE: ReadonlyMap<number, Codec<never>> = new Map(
  Object.values(CODECS).map((codec) => [codec.type, codec as unknown as Codec<never>]),
);

/**
 * Encodes one message: type, length and fields.
 * @throws RangeError if a list or a name is over its limit: a bug in the sender
 */
export function encodeMessage(message: Message): Buffer {
  const fields = new FieldWriter();
  const codec = CODECS[message.kind] as unknown as Codec<Message>;
  codec.write(message, fields);
  const payload = fields.finish();
  if (payload.length > MAX_MESSAGE_BYTES) throw new RangeError(`a ${message.kind} of ${payload.length} bytes`);
  const head = Buffer.allocUnsafe(3);
  head.writeUInt8(codec.type, 0);
  head.writeUInt16LE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

/**
 * Decodes the messages of one datagram and skips those of unknown type.
 * @throws MalformedError if a length or a field does not fit
 */
export function decodeMessages(bytes: Buffer): Message[] {
  const messages: Message[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + 3 > bytes.length) throw new MalformedError('a message head cut short');
    const type = bytes.readUInt8(at);
    const length = bytes.readUInt16LE(at + 1);
    const end = at + 3 + length;
    if (end > bytes.length) throw new MalformedError('a message cut short');
    const codec = BY_TYPE.get(type);
    if (codec !== undefined) messages.push(codec.read(new FieldReader(bytes.subarray(at + 3, end))));
    at = end;
  }
  return messages;
}
