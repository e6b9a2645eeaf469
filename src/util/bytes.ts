/**
 * Little-endian reading and writing of small binary records, bounds-checked.
 * Unaware of what the records mean; a record that is too short is a `MalformedError`, which the
 * connection that received it catches once and treats as the peer's fault.
 */

/** The peer sent something that is not what the protocol says. Never leaves the connection it came from. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8));
  }

  i64(): bigint {
    return this.#bytes.readBigInt64LE(this.#take(8));
  }

  f64(): number {
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  /** A u32 length and that many bytes. */
  bytes(): Buffer {
    const length = this.u32();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A u32 length and that many bytes of UTF-8; bytes that are not UTF-8 become U+FFFD. */
  text(): string {
    return this.bytes().toString('utf8');
  }

  /** So many bytes, their number known from elsewhere. */
  raw(length: number): Buffer {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Everything not yet read. */
  rest(): Buffer {
    const start = this.#at;
    this.#at = this.#bytes.length;
    return this.#bytes.subarray(start);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) {
      throw new MalformedError(`wanted ${length} bytes at ${start}, the record has ${this.#bytes.length}`);
    }
    this.#at = start + length;
    return start;
  }
}

/** Collects parts and joins them once. */
export class ByteWriter {
  readonly #parts: Buffer[] = [];

  u8(value: number): this {
    const part = Buffer.allocUnsafe(1);
    part.writeUInt8(value);
    return this.#add(part);
  }

  u16(value: number): this {
    const part = Buffer.allocUnsafe(2);
    part.writeUInt16LE(value);
    return this.#add(part);
  }

  u32(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeUInt32LE(value);
    return this.#add(part);
  }

  u64(value: bigint): this {
    const part = Buffer.allocUnsafe(8);
    part.writeBigUInt64LE(value);
    return this.#add(part);
  }

  i64(value: bigint): this {
    const part = Buffer.allocUnsafe(8);
    part.writeBigInt64LE(value);
    return this.#add(part);
  }

  f64(value: number): this {
    const part = Buffer.allocUnsafe(8);
    part.writeDoubleLE(value);
    return this.#add(part);
  }

  bytes(value: Buffer): this {
    return this.u32(value.length).raw(value);
  }

  text(value: string): this {
    return this.bytes(Buffer.from(value, 'utf8'));
  }

  /** Bytes without a length: only as the last field of a record. */
  raw(value: Buffer): this {
    return this.#add(value);
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #add(part: Buffer): this {
    this.#parts.push(part);
    return this;
  }
}
