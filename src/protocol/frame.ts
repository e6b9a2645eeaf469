/**
 * Framing shared by both stream protocols (shim ↔ dispatcher, dispatcher ↔ worker):
 * u32 little-endian length of what follows, u8 type, payload. Unaware of what the types mean.
 */
import { MalformedError } from '../util/bytes.ts';

/** A frame's type and payload together; the largest honest one is a chunk of compiler output or an environment. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
const LENGTH_BYTES = 4;

export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

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

/** Cuts a byte stream into frames. Holds at most one incomplete frame, in twice its bytes, however small the chunks are. */
export class FrameDecoder {
  readonly #maxBytes: number;
  /** The incomplete frame, and room for more of it. */
  #buffer = NOTHING;
  #held = 0;

  /** @param maxBytes - of a frame's type and payload */
  constructor(maxBytes = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the frame that is not complete. */
  get heldBytes(): number {
    return this.#held;
  }

  /**
   * The frames that `chunk` completes, in order. Payloads are views into the received bytes.
   * @throws MalformedError when a length is zero or over the limit; the stream is then beyond repair.
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
    // A copy: a view of the last few bytes would keep the whole chunk.
    this.#buffer = bytes.length > 0 ? Buffer.from(bytes) : NOTHING;
    this.#held = bytes.length;
    return frames;
  }

  /** Room grows with what has come, not with the length that was announced. */
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

  /** Bytes of the first frame with its length; as long as that is unknown, more than there are. */
  #wanted(bytes: Buffer): number {
    if (bytes.length < LENGTH_BYTES) return LENGTH_BYTES + 1;
    const length = bytes.readUInt32LE(0);
    if (length === 0 || length > this.#maxBytes) throw new MalformedError(`frame length ${length}`);
    return LENGTH_BYTES + length;
  }
}
