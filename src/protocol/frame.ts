/**
 * Framing shared by both stream protocols (shim ↔ dispatcher, dispatcher ↔ worker): u32 little-endian length of the
 * rest, u8 type, payload. Unaware of the meaning of the types.
 */
import { MalformedError } from '../util/bytes.ts';

/** Limit for type and payload together. The largest legitimate payloads are compiler output and environments. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
const LENGTH_BYTES = 4;

/** One decoded frame. */
export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

/**
 * Encodes one frame.
 * @throws RangeError if the payload is over the limit
 */
export function encodeFrame(type: number, payload: Buffer): Buffer {
  if (payload.length + 1 > MAX_FRAME_BYTES)
    throw new RangeError(`a frame of ${payload.length} bytes is over the limit`);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + 1 + payload.length);
  frame.writeUInt32LE(payload.length + 1, 0);
  frame.writeUInt8(type, LENGTH_BYTES);
  payload.copy(frame, LENGTH_BYTES + 1);
  return frame;
}

const NOTHING = Buffer.alloc(0);

/**
 * Splits a byte stream into frames. It buffers at most one incomplete frame in at most twice its size, however small
 * the chunks are.
 */
export class FrameDecoder {
  readonly #maxBytes: number;
  /** The incomplete frame, with spare room. */
  #buffer = NOTHING;
  #held = 0;

  /** @param maxBytes - limit for a frame's type and payload together */
  constructor(maxBytes = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Number of buffered bytes of the incomplete frame. */
  get heldBytes(): number {
    return this.#held;
  }

  /**
   * Returns the frames that `chunk` completes, in order. Payloads are views into the received bytes.
   * @throws MalformedError if a length is zero or over the limit; the stream cannot be used after that
   */
  push(chunk: Buffer): Frame[] {
    let bytes = chunk;
    if (this.#held > 0) {
      this.#append(chunk);
      bytes = this.#buffer.subarray(0, this.#held);
      if (bytes.length < this.#wanted(bytes)) return [];
    }
    const frames: Frame[] = [];
    for (let wanted = this.#wanted(bytes); bytes.length >= wanted; wanted = this.#wanted(bytes)) {
      frames.push({ type: bytes.readUInt8(LENGTH_BYTES), payload: bytes.subarray(LENGTH_BYTES + 1, wanted) });
      bytes = bytes.subarray(wanted);
    }
    // Copy: a view of the last few bytes would keep the whole chunk alive.
    this.#buffer = bytes.length > 0 ? Buffer.from(bytes) : NOTHING;
    this.#held = bytes.length;
    return frames;
  }

  /** Grows the buffer with the bytes received, not with the announced length. */
  #append(chunk: Buffer): void {
    const held = this.#held + chunk.length;
    if (held > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(held, 2 * this.#held));
      this.#buffer.copy(grown, 0, 0, this.#held);
      this.#buffer = grown;
    }
    chunk.copy(this.#buffer, this.#held);
    this.#held = held;
  }

  /** Size of the first frame including its length field; if that is incomplete, one byte more than the field itself. */
  #wanted(bytes: Buffer): number {
    if (bytes.length < LENGTH_BYTES) return LENGTH_BYTES + 1;
    const length = bytes.readUInt32LE(0);
    if (length === 0 || length > this.#maxBytes) throw new MalformedError(`frame length ${length}`);
    return LENGTH_BYTES + length;
  }
}
