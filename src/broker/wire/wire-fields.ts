/**
 * Field types of broker messages: names, terms, leases and lists, each with its limit. Unaware of the messages
 * themselves and of the records that some of them carry (wire-peers.ts, wire-view.ts).
 */
import {
  isNodeName,
  isUserName,
  isWord,
  MAX_NODE_NAME_BYTES,
  MAX_USER_NAME_BYTES,
  type NodeName,
  type UserName,
} from '../../protocol/names.ts';
import { ByteReader, ByteWriter, MalformedError } from '../../util/bytes.ts';
import * as limits from '../core/limits.ts';
import type { LeaseName } from '../core/messages.ts';
import type { Term } from '../core/term.ts';

/** Speeds are sent in thousandths. */
const SPEED_UNIT = 1_000;

/** Writes fields. A value over its limit is a RangeError: a bug in the sender. */
export class FieldWriter extends ByteWriter {
  flag(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  name(value: string, maxBytes: number): this {
    const bytes = Buffer.from(value, 'utf8');
    if (bytes.length > maxBytes) throw new RangeError(`a name of ${bytes.length} bytes, the limit is ${maxBytes}`);
    return this.u8(bytes.length).raw(bytes);
  }

  nodeId(value: NodeName): this {
    return this.name(value, MAX_NODE_NAME_BYTES);
  }

  user(value: UserName): this {
    return this.name(value, MAX_USER_NAME_BYTES);
  }

  /** A word that pmake itself defines: a metric, a version, a reason. */
  word(value: string): this {
    return this.name(value, limits.MAX_WORD_BYTES);
  }

  whole(value: number): this {
    return this.u64(BigInt(value));
  }

  term(term: Term): this {
    return this.whole(term.counter).nodeId(term.nodeId);
  }

  lease(lease: LeaseName): this {
    return this.whole(lease.bootId).u32(lease.leaseId);
  }

  speed(value: number): this {
    return this.u32(Math.round(value * SPEED_UNIT));
  }

  oneOf<T extends string>(values: readonly T[], value: T): this {
    return this.u8(values.indexOf(value));
  }

  list<T>(items: readonly T[], max: number, write: (item: T) => void): this {
    if (items.length > max) throw new RangeError(`a list of ${items.length}, the limit is ${max}`);
    this.u8(items.length);
    for (const item of items) write(item);
    return this;
  }

  ids(ids: readonly number[]): this {
    return this.list(ids, limits.MAX_IDS, (id) => this.u32(id));
  }

  leases(leases: readonly LeaseName[]): this {
    return this.list(leases, limits.MAX_LEASES, (lease) => this.lease(lease));
  }
}

/** Reads fields, with the same limits. Anything else is a MalformedError: the peer's fault. */
export class FieldReader extends ByteReader {
  flag(): boolean {
    return this.u8() !== 0;
  }

  name(maxBytes: number): string {
    const length = this.u8();
    if (length > maxBytes) throw new MalformedError(`a name of ${length} bytes, the limit is ${maxBytes}`);
    return this.raw(length).toString('utf8');
  }

  nodeId(): NodeName {
    const name = this.name(MAX_NODE_NAME_BYTES);
    if (!isNodeName(name)) throw new MalformedError('a name that no node may have');
    return name;
  }

  user(): UserName {
    const name = this.name(MAX_USER_NAME_BYTES);
    if (!isUserName(name)) throw new MalformedError('a name that no user may have');
    return name;
  }

  word(): string {
    const word = this.name(limits.MAX_WORD_BYTES);
    if (!isWord(word)) throw new MalformedError('a word that is not one of ours');
    return word;
  }

  whole(): number {
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new MalformedError('a number over 2^53');
    return Number(value);
  }

  term(): Term {
    return { counter: this.whole(), nodeId: this.nodeId() };
  }

  lease(): LeaseName {
    return { bootId: this.whole(), leaseId: this.u32() };
  }

  speed(): number {
    return this.u32() / SPEED_UNIT;
  }

  oneOf<T extends string>(values: readonly T[]): T {
    const value = values[this.u8()];
    if (value === undefined) throw new MalformedError('an enum value out of range');
    return value;
  }

  list<T>(max: number, read: () => T): T[] {
    const length = this.u8();
    if (length > max) throw new MalformedError(`a list of ${length}, the limit is ${max}`);
    return Array.from({ length }, read);
  }

  ids(): number[] {
    return this.list(limits.MAX_IDS, () => this.u32());
  }

  leases(): LeaseName[] {
    return this.list(limits.MAX_LEASES, () => this.lease());
  }
}
