/**
 * What goes around messages on the wire: who sends them, in which cluster, and a signature.
 * Unaware of sockets and of what the messages mean.
 *
 *   magic u32 · version u8 · cluster name · node id · boot id u64 · sequence u64 · messages · HMAC-SHA256 (32 bytes)
 *
 * Names have a u8 length. The signature is over everything before it, with the cluster's key. It proves that the
 * sender knows the key, not which of those who do it is. Nothing is encrypted: load figures and user names can be
 * read on the network.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { NodeName } from '../../protocol/names.ts';
import { MalformedError } from '../../util/bytes.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import type { Message } from '../core/messages.ts';
import type { ReplayWindow } from './replay-window.ts';
import { BROKER_WIRE_VERSION, decodeMessages, encodeMessage } from './wire.ts';
import { FieldReader, FieldWriter } from './wire-fields.ts';

/** Fits Ethernet, most tunnels and IPv6's least MTU of 1,280 without being cut into pieces. */
export const MAX_DATAGRAM_BYTES = 1_200;
const MAX_CLUSTER_NAME_BYTES = 32;
const MAGIC = 0x424b4d50;
const HMAC_BYTES = 32;

/** Why a datagram was dropped: the names of counters. */
export type DropReason =
  'malformed' | 'wrong-version' | 'unknown-cluster' | 'bad-hmac' | 'old-sequence' | 'own' | 'too-long';

/** Who is sending, and with which key. */
export interface Seal {
  readonly cluster: string;
  readonly key: Buffer;
  readonly nodeId: NodeName;
  readonly bootId: number;
}

export interface Opened {
  readonly nodeId: NodeName;
  readonly bootId: number;
  readonly messages: readonly Message[];
}

/** Signs and numbers outgoing messages; several for one destination share a datagram. */
export class DatagramSealer {
  readonly #seal: Seal;
  readonly #head: Buffer;
  #sequence = 0;

  constructor(seal: Seal) {
    this.#seal = seal;
    this.#head = new FieldWriter()
      .u32(MAGIC)
      .u8(BROKER_WIRE_VERSION)
      .name(seal.cluster, MAX_CLUSTER_NAME_BYTES)
      .nodeId(seal.nodeId)
      .whole(seal.bootId)
      .finish();
  }

  /** As few datagrams as hold the messages, in their order. */
  seal(messages: readonly Message[]): Buffer[] {
    const room = MAX_DATAGRAM_BYTES - HMAC_BYTES - this.#head.length - 8;
    const datagrams: Buffer[] = [];
    let parts: Buffer[] = [];
    let held = 0;
    for (const message of messages) {
      const bytes = encodeMessage(message);
      if (held + bytes.length > room && parts.length > 0) {
        datagrams.push(this.#finish(parts));
        parts = [];
        held = 0;
      }
      parts.push(bytes);
      held += bytes.length;
    }
    if (parts.length > 0) datagrams.push(this.#finish(parts));
    return datagrams;
  }

  #finish(parts: readonly Buffer[]): Buffer {
    const sequence = Buffer.allocUnsafe(8);
    sequence.writeBigUInt64LE(BigInt(++this.#sequence));
    const signed = Buffer.concat([this.#head, sequence, ...parts]);
    return Buffer.concat([signed, sign(this.#seal.key, signed)]);
  }
}

/** Checks incoming datagrams and takes the messages out. */
export class DatagramOpener {
  readonly #seal: Seal;
  readonly #window: ReplayWindow;

  constructor(seal: Seal, window: ReplayWindow) {
    this.#seal = seal;
    this.#window = window;
  }

  /** Never throws, whatever `bytes` are. The cheap checks come first, so that noise costs little. */
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
    // Multicast brings back what this broker sent itself.
    if (nodeId === this.#seal.nodeId && bootId === this.#seal.bootId) return fail('own');
    const signed = bytes.subarray(0, end);
    if (!timingSafeEqual(sign(this.#seal.key, signed), bytes.subarray(end))) return fail('bad-hmac');
    // After the signature, or a forged number could shut a real sender out.
    if (!this.#window.admit(nodeId, bootId, sequence)) return fail('old-sequence');
    return ok({ nodeId, bootId, messages: decodeMessages(reader.rest()) });
  }
}

function sign(key: Buffer, bytes: Buffer): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}
