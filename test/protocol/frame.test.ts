import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameDecoder, MAX_FRAME_BYTES, type Frame } from '../../src/protocol/frame.ts';
import { MalformedError } from '../../src/util/bytes.ts';
import { seededRandom } from '../broker/seeded-random.ts';

describe('FrameDecoder', () => {
  it('gives back every frame, whatever the cuts between chunks (seeded)', () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = seededRandom(seed);
      const frames = Array.from({ length: 20 }, (_, index) => ({
        type: index,
        payload: Buffer.alloc(Math.floor(random() ** 4 * 5_000), index),
      }));
      const stream = Buffer.concat(frames.map(({ type, payload }) => encodeFrame(type, payload)));
      const decoder = new FrameDecoder();
      const decoded: Frame[] = [];
      for (let at = 0; at < stream.length;) {
        const length = 1 + Math.floor(random() ** 3 * 3_000);
        decoded.push(...decoder.push(stream.subarray(at, at + length)));
        at += length;
      }
      expect(decoded.length, `seed ${seed}`).toBe(frames.length);
      const again = Buffer.concat(decoded.map(({ type, payload }) => encodeFrame(type, payload)));
      expect(again.equals(stream), `seed ${seed}`).toBe(true);
    }
  });

  it.each([0, MAX_FRAME_BYTES + 1, 0xffff_ffff])('refuses a length of %d at once', (length) => {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(length);
    expect(() => new FrameDecoder().push(head)).toThrow(MalformedError);
  });

  it('refuses what is longer than its reader allows, before the frame is there', () => {
    const frame = encodeFrame(1, Buffer.alloc(1_000));
    expect(new FrameDecoder(1_001).push(frame)).toHaveLength(1);
    expect(() => new FrameDecoder(1_000).push(frame.subarray(0, 4))).toThrow(MalformedError);
  });

  it('holds of an unfinished frame what has come, and nothing of what it was cut from', () => {
    const decoder = new FrameDecoder();
    const head = Buffer.alloc(5);
    head.writeUInt32LE(MAX_FRAME_BYTES);
    decoder.push(head);
    for (let count = 1; count <= 1_000; count += 1) {
      expect(decoder.push(Buffer.alloc(1))).toEqual([]);
      expect(decoder.heldBytes).toBe(5 + count);
    }
  });

  it('refuses to write a frame that every reader would refuse', () => {
    expect(() => encodeFrame(1, Buffer.alloc(MAX_FRAME_BYTES))).toThrow(RangeError);
  });
});
