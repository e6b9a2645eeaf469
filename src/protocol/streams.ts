/**
 * Standard streams of a compile, as far as a compiler can tell: each is closed, a terminal of some size, or neither.
 * Compilers use that to colour messages, emit hyperlinks and truncate source lines; gcc asks standard input for the
 * width. On a node, standard input that is not a terminal is /dev/null, and the other two streams are pipes. Mirrored
 * in shims/protocol.h.
 *
 * On the wire: u8 closed descriptors, u8 number of terminals, and for each terminal u8 descriptors, u16 rows, u16
 * columns, and u16 width and u16 height in pixels. Descriptors are a bit set: bit N is descriptor N.
 */
import { MalformedError, type ByteReader, type ByteWriter } from '../util/bytes.ts';

const ALL_DESCRIPTORS = 0b111;

/** Size of a terminal (tty_ioctl(4), struct winsize) and the descriptors connected to it. */
export interface Terminal {
  readonly descriptors: number;
  readonly rows: number;
  readonly columns: number;
  readonly widthPixels: number;
  readonly heightPixels: number;
}

/** The three standard streams. */
export interface Streams {
  readonly closed: number;
  /** A terminal shared by several descriptors is listed once. */
  readonly terminals: readonly Terminal[];
}

/** Streams that are neither closed nor terminals. */
export const PLAIN_STREAMS: Streams = { closed: 0, terminals: [] };

/** Appends the streams to `writer`. */
export function writeStreams(writer: ByteWriter, { closed, terminals }: Streams): ByteWriter {
  writer.u8(closed).u8(terminals.length);
  for (const { descriptors, rows, columns, widthPixels, heightPixels } of terminals) {
    writer.u8(descriptors).u16(rows).u16(columns).u16(widthPixels).u16(heightPixels);
  }
  return writer;
}

/** @throws MalformedError if a descriptor is listed twice, or is none of the three */
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
