/**
 * What the standard streams of a compile are, as far as a compiler can tell: closed, or a terminal of some size. By these
 * it colours messages, makes links of them and cuts source lines; gcc asks standard input for the width. Standard input
 * that is no terminal is /dev/null on a node, the other two are pipes. Mirrored in shims/protocol.h.
 *
 * On the wire: u8 closed descriptors, u8 number of terminals, and for each u8 its descriptors, u16 rows, u16 columns, u16
 * width, u16 height in pixels. Bit N of descriptors is N.
 */
import { MalformedError, type ByteReader, type ByteWriter } from '../util/bytes.ts';

const ALL_DESCRIPTORS = 0b111;

/** tty_ioctl(4), struct winsize. */
export interface Terminal {
  readonly descriptors: number;
  readonly rows: number;
  readonly columns: number;
  readonly widthPixels: number;
  readonly heightPixels: number;
}

export interface Streams {
  readonly closed: number;
  /** One that several descriptors share stands once. */
  readonly terminals: readonly Terminal[];
}

/** Neither. */
export const PLAIN_STREAMS: Streams = { closed: 0, terminals: [] };

export function writeStreams(writer: ByteWriter, { closed, terminals }: Streams): ByteWriter {
  writer.u8(closed).u8(terminals.length);
  for (const { descriptors, rows, columns, widthPixels, heightPixels } of terminals) {
    writer.u8(descriptors).u16(rows).u16(columns).u16(widthPixels).u16(heightPixels);
  }
  return writer;
}

/** @throws MalformedError where a descriptor is two things at once, or none of the three */
export function readStreams(reader: ByteReader): Streams {
  const closed = reader.u8();
  const count = reader.u8();
  let taken = closed;
  const terminals: Terminal[] = [];
  for (let index = 0; index < count; index += 1) {
    const descriptors = reader.u8();
    if (descriptors === 0 || (descriptors & taken) !== 0) throw new MalformedError('a descriptor of two streams');
    taken |= descriptors;
    const [rows, columns, widthPixels, heightPixels] = [reader.u16(), reader.u16(), reader.u16(), reader.u16()];
    terminals.push({ descriptors, rows, columns, widthPixels, heightPixels });
  }
  if (taken > ALL_DESCRIPTORS) throw new MalformedError(`descriptors ${taken}`);
  return { closed, terminals };
}
