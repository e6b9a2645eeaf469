/**
 * Bounds-checked little-endian reader and writer for small binary records. A record that is too short is a
 * `MalformedError`; the connection that received it catches the error once and treats it as the peer's fault. Unaware
 * of what the records mean.
 */

/** The peer violated the protocol. Never leaves the connection that received the bytes. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

/**
 * Reads fields in order.
 * @throws MalformedError if the record is too short
 */
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

  /** Bytes preceded by their u32 length. */
  bytes(): Buffer {
    const length = this.u32();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** UTF-8 text preceded by its u32 length; invalid UTF-8 is replaced by U+FFFD. */
  text(): string {
    return this.bytes().toString('utf8');
  }

  /** A number of bytes that is known from elsewhere. */
  raw(length: number): Buffer {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** All remaining bytes. */
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

/** Collects fields and concatenates them once. */
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

  /** Bytes without a length: only valid as the last field of a record. */
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
