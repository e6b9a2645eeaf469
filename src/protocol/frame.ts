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

/** Cuts a byte stream into frames. Holds at most one incomplete frame. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #held = 0;

  /**
   * The frames that `chunk` completes, in order. Payloads are views into the received bytes.
   * @throws MalformedError when a length is zero or over MAX_FRAME_BYTES; the stream is then beyond repair.
   */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    // Joining waits until a whole frame is here, so a large frame in small chunks costs one copy, not n.
    const wanted = this.#wanted();
    if (this.#held < wanted) return [];
    let bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const frames: Frame[] = [];
    while (bytes.length >= LENGTH_BYTES) {
      const length = checkedLength(bytes.readUInt32LE(0));
      if (bytes.length < LENGTH_BYTES + length) break;
      frames.push({
        type: bytes.readUInt8(LENGTH_BYTES),
        payload: bytes.subarray(LENGTH_BYTES + 1, LENGTH_BYTES + length),
      });
      bytes = bytes.subarray(LENGTH_BYTES + length);
    }
    this.#chunks = bytes.length > 0 ? [bytes] : [];
    this.#held = bytes.length;
    return frames;
  }

  #wanted(): number {
    const first = this.#chunks[0];
    if (!first || first.length < LENGTH_BYTES) return LENGTH_BYTES;
    return LENGTH_BYTES + checkedLength(first.readUInt32LE(0));
  }
}

function checkedLength(length: number): number {
  if (length === 0 || length > MAX_FRAME_BYTES) throw new MalformedError(`frame length ${length}`);
  return length;
}
