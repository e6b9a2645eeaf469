import { describe, expect, it } from 'vitest';
import { decodeInherited, encodeInherited, LIMITS, NOTHING_SET, UNLIMITED } from '../../src/protocol/inherited.ts';
import { PLAIN_STREAMS, readStreams, writeStreams, type Streams } from '../../src/protocol/streams.ts';
import { ByteReader, ByteWriter, MalformedError } from '../../src/util/bytes.ts';

describe('what a process inherits', () => {
  const odd = {
    ignoredSignals: 1n << 63n,
    blockedSignals: 5n,
    personality: 0x0040_0000,
    limits: {
      ...NOTHING_SET.limits,
      cpu: { soft: 1n, hard: UNLIMITED },
      as: { soft: 600_000n * 1_024n, hard: 2n ** 40n },
    },
  };

  it.each([NOTHING_SET, odd])('comes back as it went', (inherited) => {
    expect(decodeInherited(encodeInherited(inherited))).toEqual(inherited);
  });

  it('may name limits that this version does not know', () => {
    const bytes = encodeInherited(odd);
    bytes.writeUInt8(LIMITS.length + 1, 20);
    expect(decodeInherited(Buffer.concat([bytes, Buffer.alloc(16, 7)]))).toEqual(odd);
  });

  it('is refused when it is cut off, or holds more than it says', () => {
    const bytes = encodeInherited(odd);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodeInherited(bytes.subarray(0, length))).toThrow(MalformedError);
    }
    expect(() => decodeInherited(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(MalformedError);
    const many = Buffer.from(bytes);
    many.writeUInt8(255, 20);
    expect(() => decodeInherited(Buffer.concat([many, Buffer.alloc(10_000)]))).toThrow(MalformedError);
  });
});

describe('streams', () => {
  const terminal = { descriptors: 0b110, rows: 24, columns: 80, widthPixels: 1, heightPixels: 65_535 };
  const bytesOf = (streams: Streams) => writeStreams(new ByteWriter(), streams).finish();
  const back = (bytes: Buffer) => readStreams(new ByteReader(bytes));

  it.each<Streams>([
    PLAIN_STREAMS,
    { closed: 0b111, terminals: [] },
    { closed: 0b001, terminals: [terminal] },
    { closed: 0, terminals: [1, 2, 4].map((descriptors) => ({ ...terminal, descriptors })) },
  ])('come back as they went: %j', (streams) => {
    expect(back(bytesOf(streams))).toEqual(streams);
  });

  it.each<Streams>([
    { closed: 0b010, terminals: [terminal] },
    { closed: 0, terminals: [terminal, terminal] },
    { closed: 0, terminals: [{ ...terminal, descriptors: 0 }] },
    { closed: 0, terminals: [{ ...terminal, descriptors: 8 }] },
    { closed: 8, terminals: [] },
  ])('that cannot be are refused: %j', (streams) => {
    expect(() => back(bytesOf(streams))).toThrow(MalformedError);
  });
});
