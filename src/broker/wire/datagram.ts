/**
 * Envelope of messages on the wire: sender, destination, time, cluster and signature.
 * Unaware of sockets and of what the messages mean.
 *
 *   magic u32 · version u8 · cluster name · node id · boot id u64 · sequence u64 · time u64 ·
 *   destination · messages · HMAC-SHA256 (32 bytes)
 *
 * Names have a u8 length. The time is the sender's, in milliseconds since 1970. The destination is a node id, or empty
 * for a group. The signature is over everything before it, with the cluster's key. It proves that the sender knows the
 * key, not which member it is. Nothing is encrypted: load figures and user names can be read on the network.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { MAX_NODE_NAME_BYTES, type NodeName } from '../../protocol/names.ts';
import { MalformedError } from '../../util/bytes.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import type { Message } from '../core/messages.ts';
import { ReplayWindow } from './replay-window.ts';
import { BROKER_WIRE_VERSION, decodeMessages, encodeMessage } from './wire.ts';
import { FieldReader, FieldWriter } from './wire-fields.ts';

/** Fits Ethernet, most tunnels and IPv6's minimum MTU of 1,280 without fragmentation. */
export const MAX_DATAGRAM_BYTES = 1_200;
const MAX_CLUSTER_NAME_BYTES = 32;
const MAGIC = 0x424b4d50;
const HMAC_BYTES = 32;
/** Size of the sequence number and the time. */
const NUMBERS_BYTES = 16;

/**
 * A datagram whose time differs from the receiver's by more than this is a recording, or from a host whose clock is
 * wrong. Synchronised clocks are within a second of each other, which make needs anyway.
 */
export const MAX_CLOCK_DIFFERENCE_MS = 30_000;

/** Why a datagram was dropped. Also the names of the counters. */
export type DropReason =
  | 'malformed'
  | 'wrong-version'
  | 'unknown-cluster'
  | 'bad-hmac'
  | 'other-receiver'
  | 'wrong-time'
  | 'old-boot'
  | 'old-sequence'
  | 'own'
  | 'too-long';

/** A cluster member whose datagrams must be dropped; they carry a valid signature. */
export interface ExcludedSender {
  readonly nodeId: NodeName;
  readonly reason: 'wrong-time' | 'old-boot';
  /** How far its clock is ahead of this host's. */
  readonly aheadMs: number;
}

/** The sender's identity and keys. */
export interface Seal {
  readonly cluster: string;
  readonly key: Buffer;
  /** A second key accepted from others while the cluster changes its key. */
  readonly otherKey?: Buffer | undefined;
  readonly nodeId: NodeName;
  readonly bootId: number;
}

/** The contents of an authentic datagram. */
export interface Opened {
  readonly nodeId: NodeName;
  readonly bootId: number;
  readonly messages: readonly Message[];
}

/** Signs and numbers outgoing messages; messages for one destination share datagrams. */
export class DatagramSealer {
  readonly #seal: Seal;
  readonly #head: Buffer;
  readonly #clock: () => number;
  #sequence = 0;

  /** @param clock - milliseconds since 1970 */
  constructor(seal: Seal, clock: () => number) {
    this.#seal = seal;
    this.#clock = clock;
    this.#head = new FieldWriter()
      .u32(MAGIC)
      .u8(BROKER_WIRE_VERSION)
      .name(seal.cluster, MAX_CLUSTER_NAME_BYTES)
      .nodeId(seal.nodeId)
      .whole(seal.bootId)
      .finish();
  }

  /**
   * Packs the messages, in order, into as few datagrams as possible. Only node `to` accepts them; undefined addresses a
   * group.
   */
  seal(messages: readonly Message[], to: NodeName | undefined): Buffer[] {
    const destination = new FieldWriter().name(to ?? '', MAX_NODE_NAME_BYTES).finish();
    const room = MAX_DATAGRAM_BYTES - HMAC_BYTES - this.#head.length - NUMBERS_BYTES - destination.length;
    const datagrams: Buffer[] = [];
    let parts: Buffer[] = [];
    let held = 0;
    for (const message of messages) {
      const bytes = encodeMessage(message);
      if (held + bytes.length > room && parts.length > 0) {
        datagrams.push(this.#finish(destination, parts));
        parts = [];
        held = 0;
      }
      parts.push(bytes);
      held += bytes.length;
    }
    if (parts.length > 0) datagrams.push(this.#finish(destination, parts));
    return datagrams;
  }

  #finish(destination: Buffer, parts: readonly Buffer[]): Buffer {
    const numbers = Buffer.allocUnsafe(NUMBERS_BYTES);
    numbers.writeBigUInt64LE(BigInt(++this.#sequence));
    numbers.writeBigUInt64LE(BigInt(Math.max(0, Math.round(this.#clock()))), 8);
    const signed = Buffer.concat([this.#head, numbers, destination, ...parts]);
    return Buffer.concat([signed, sign(this.#seal.key, signed)]);
  }
}

/** Verifies incoming datagrams and extracts their messages. */
export class DatagramOpener {
  readonly #seal: Seal;
  readonly #window = new ReplayWindow(2 * MAX_CLOCK_DIFFERENCE_MS);
  readonly #clock: () => number;
  readonly #onExcluded: ((sender: ExcludedSender) => void) | undefined;

  /** @param clock - milliseconds since 1970 */
  constructor(seal: Seal, clock: () => number, onExcluded?: (sender: ExcludedSender) => void) {
    this.#seal = seal;
    this.#clock = clock;
    this.#onExcluded = onExcluded;
  }

  /** Never throws, whatever `bytes` contain. Cheap checks come first, so that noise costs little. */
  open(bytes: Buffer): Result<Opened, DropReason> {
    if (bytes.length > MAX_DATAGRAM_BYTES) return fail('too-long');
    try {
      return this.#open(bytes);
    } catch (error) {
      if (error instanceof MalformedError) return fail('malformed');
      throw error;
    }
  }

  #open(bytes: Buffer): Result<Opened, DropReason> {
    const end = bytes.length - HMAC_BYTES;
    if (end <= 0) return fail('malformed');
    const reader = new FieldReader(bytes.subarray(0, end));
    if (reader.u32() !== MAGIC) return fail('malformed');
    if (reader.u8() !== BROKER_WIRE_VERSION) return fail('wrong-version');
    if (reader.name(MAX_CLUSTER_NAME_BYTES) !== this.#seal.cluster) return fail('unknown-cluster');
    const nodeId = reader.nodeId();
    const bootId = reader.whole();
    const sequence = reader.whole();
    const sentMs = reader.whole();
    const to = reader.name(MAX_NODE_NAME_BYTES);
    // Multicast loops this broker's own datagrams back.
    if (nodeId === this.#seal.nodeId && bootId === this.#seal.bootId) return fail('own');
    if (!this.#isSigned(bytes.subarray(0, end), bytes.subarray(end))) return fail('bad-hmac');
    // These checks must follow the signature: otherwise a forged number could lock out a real sender.
    if (to !== '' && to !== this.#seal.nodeId) return fail('other-receiver');
    const nowMs = this.#clock();
    const aheadMs = sentMs - nowMs;
    if (Math.abs(aheadMs) > MAX_CLOCK_DIFFERENCE_MS) return this.#exclude({ nodeId, reason: 'wrong-time', aheadMs });
    const admission = this.#window.admit(nodeId, bootId, sequence, nowMs);
    if (admission === 'old-boot') return this.#exclude({ nodeId, reason: 'old-boot', aheadMs });
    if (admission === 'old-sequence') return fail('old-sequence');
    return ok({ nodeId, bootId, messages: decodeMessages(reader.rest()) });
  }

  #exclude(sender: ExcludedSender): Result<Opened, DropReason> {
    this.#onExcluded?.(sender);
    return fail(sender.reason);
  }

  #isSigned(signed: Buffer, signature: Buffer): boolean {
    const { key, otherKey } = this.#seal;
    if (timingSafeEqual(sign(key, signed), signature)) return true;
    return otherKey !== undefined && timingSafeEqual(sign(otherKey, signed), signature);
  }
}

function sign(key: Buffer, bytes: Buffer): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}
