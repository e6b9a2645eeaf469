/**
 * Protocol between shim and dispatcher, over the user's unix socket. One connection is one job (or one control
 * session). Mirrored in shims/protocol.h; test/protocol/shim-header.test.ts checks that the two agree.
 *
 * Version range: exactly SHIM_PROTOCOL_VERSION. A changed meaning takes a new version; otherwise only append. A
 * dispatcher that receives another version answers `refused`, and the shim runs the compiler itself.
 */
import { isUtf8 } from 'node:buffer';
import { ByteReader, ByteWriter, MalformedError } from '../util/bytes.ts';
import { encodeFrame, type Frame } from './frame.ts';
import { decodeInherited } from './inherited.ts';
import { readStreams, writeStreams, type Streams } from './streams.ts';
import type { Termination } from './termination.ts';

/** The only version that either side accepts. */
export const SHIM_PROTOCOL_VERSION = 3;
/** More arguments than any linker line seen (the kernel's longest has 3,000); a job with more runs locally. */
export const MAX_ARGV_WORDS = 100_000;

/** Frame types, shim → dispatcher. */
export const ShimFrame = {
  /** The first frame of a job: see ShimRequest. */
  request: 0x01,
  /** u8 signal number: a signal that the shim received, to forward to the job's process group. */
  signal: 0x02,
  /** The first frame of a control session: u16 version. control.ts defines the rest. */
  controlHello: 0x03,
  /** One JSON control request. */
  control: 0x04,
  /** The result of `place`: u8 1 for success, or u8 0, u32 index of the failed move, u32 errno. */
  placed: 0x05,
} as const;

/** Frame types, dispatcher → shim. */
export const DispatcherFrame = {
  /** Empty, or u8 niceness increment: exec the real compiler now. The open socket represents the local slot. */
  runLocally: 0x11,
  /** u8 1 (stdout) or 2 (stderr), then bytes. The shim buffers them until the job ends. */
  output: 0x12,
  /** u8 exit code: write the buffered output, then exit with this code. */
  exited: 0x13,
  /** u8 signal number: write the buffered output, then die by this signal. */
  signalled: 0x14,
  /** The node's name, for the process title. */
  node: 0x15,
  /** u16 version of this dispatcher, which does not accept the shim's. */
  refused: 0x16,
  /**
   * u32 count, then that many moves: u8 PLACE_MOVE, from, to; or u8 PLACE_REMOVE, path (bytes with a u32 length). They
   * are carried out in order and answered by `placed`. If one fails, the shim ignores the verdict that follows and
   * waits for another.
   */
  place: 0x17,
  /** One JSON control answer or event. */
  control: 0x1a,
} as const;

/** Kinds of moves in a `place` frame. */
export const PlaceKind = { move: 1, remove: 2 } as const;

/** A file operation for the shim on the submit host. Only regular files are moved or removed. */
export type Move =
  | { readonly kind: 'move'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string };

/** The index of the failed move, and its errno. */
export interface PlaceFailure {
  readonly index: number;
  readonly errno: number;
}

/**
 * One compile as the shim saw it, with the fields in wire order. All of them are bytes on the wire; `isText` tells
 * whether they are UTF-8.
 */
export interface ShimRequest {
  readonly streams: Streams;
  readonly umask: number;
  readonly pid: number;
  /** Session id of the shim. It groups the jobs of a make that was not started by pmake. */
  readonly sessionId: number;
  /** The name the shim was called by, without directory: `gcc`, `x86_64-linux-gnu-ld`. */
  readonly name: string;
  /** The real program: an absolute path, found on PATH after the shim directory. */
  readonly program: string;
  /** getcwd(3). */
  readonly cwd: string;
  /** The arguments, without argv[0]. */
  readonly argv: readonly string[];
  /** Encoded by inherited.ts. */
  readonly inherited: Buffer;
  /** NUL-terminated entries, normally `NAME=value`. */
  readonly environment: Buffer;
  /** False if any argument or path is not UTF-8. Node cannot reproduce it, so the job runs locally. */
  readonly isText: boolean;
}

/**
 * Decodes the first frame of a job. `request` is undefined for another version.
 * @throws MalformedError
 */
export function decodeShimRequest(payload: Buffer): { version: number; request: ShimRequest | undefined } {
  const reader = new ByteReader(payload);
  const version = reader.u16();
  if (version !== SHIM_PROTOCOL_VERSION) return { version, request: undefined };
  const streams = readStreams(reader);
  const umask = reader.u32();
  const pid = reader.u32();
  const sessionId = reader.u32();
  const fields = [reader.bytes(), reader.bytes(), reader.bytes()] as const;
  const count = reader.u32();
  if (count > MAX_ARGV_WORDS) throw new MalformedError(`${count} words`);
  const words: Buffer[] = [];
  for (let index = 0; index < count; index += 1) words.push(reader.bytes());
  const inherited = reader.bytes();
  decodeInherited(inherited);
  const environment = reader.bytes();
  const isText = [...fields, ...words].every((bytes) => isUtf8(bytes));
  const [name, program, cwd] = fields.map((field) => field.toString('utf8')) as [string, string, string];
  const argv = words.map((word) => word.toString('utf8'));
  return {
    version,
    request: { streams, umask, pid, sessionId, name, program, cwd, argv, inherited, environment, isText },
  };
}

/** Inverse of decodeShimRequest, for tests and benchmarks that act as the shim. */
export function encodeShimRequest(request: Omit<ShimRequest, 'isText'>): Buffer {
  const writer = writeStreams(new ByteWriter().u16(SHIM_PROTOCOL_VERSION), request.streams)
    .u32(request.umask)
    .u32(request.pid)
    .u32(request.sessionId)
    .text(request.name)
    .text(request.program)
    .text(request.cwd)
    .u32(request.argv.length);
  for (const word of request.argv) writer.text(word);
  return encodeFrame(ShimFrame.request, writer.bytes(request.inherited).bytes(request.environment).finish());
}

/**
 * Decodes a signal number.
 * @throws MalformedError
 */
export function decodeShimSignal(payload: Buffer): number {
  return new ByteReader(payload).u8();
}

/** Encodes a `place` frame. */
export function encodePlace(moves: readonly Move[]): Buffer {
  const writer = new ByteWriter().u32(moves.length);
  for (const move of moves) {
    if (move.kind === 'move') writer.u8(PlaceKind.move).text(move.from).text(move.to);
    else writer.u8(PlaceKind.remove).text(move.path);
  }
  return encodeFrame(DispatcherFrame.place, writer.finish());
}

/**
 * Decodes `placed`; undefined if all moves succeeded.
 * @throws MalformedError
 */
export function decodePlaced(payload: Buffer): PlaceFailure | undefined {
  const reader = new ByteReader(payload);
  return reader.u8() === 1 ? undefined : { index: reader.u32(), errno: reader.u32() };
}

/** Inverse of decodePlaced, for tests and benchmarks that act as the shim. */
export function encodePlaced(failure?: PlaceFailure): Buffer {
  const writer = new ByteWriter().u8(failure ? 0 : 1);
  if (failure) writer.u32(failure.index).u32(failure.errno);
  return encodeFrame(ShimFrame.placed, writer.finish());
}

/** Encodes a `runLocally` frame. */
export function encodeRunLocally(niceness = 0): Buffer {
  return encodeFrame(DispatcherFrame.runLocally, niceness === 0 ? Buffer.alloc(0) : Buffer.of(niceness));
}

/** Encodes an `output` frame. */
export function encodeOutput(fd: 1 | 2, bytes: Buffer): Buffer {
  return encodeFrame(DispatcherFrame.output, Buffer.concat([Buffer.of(fd), bytes]));
}

/** Encodes an `exited` or a `signalled` frame. */
export function encodeTermination(termination: Termination): Buffer {
  return termination.kind === 'exited'
    ? encodeFrame(DispatcherFrame.exited, Buffer.of(termination.code & 0xff))
    : encodeFrame(DispatcherFrame.signalled, Buffer.of(termination.signal & 0xff));
}

/** Encodes a `node` frame. */
export function encodeNode(name: string): Buffer {
  return encodeFrame(DispatcherFrame.node, Buffer.from(name, 'utf8'));
}

/** Encodes a `refused` frame. */
export function encodeRefused(): Buffer {
  return encodeFrame(DispatcherFrame.refused, new ByteWriter().u16(SHIM_PROTOCOL_VERSION).finish());
}

/** A dispatcher's frame as the shim interprets it, for tests and benchmarks that act as the shim. */
export type ShimVerdict =
  | { readonly kind: 'runLocally'; readonly niceness?: number }
  | { readonly kind: 'output'; readonly fd: number; readonly bytes: Buffer }
  | { readonly kind: 'ended'; readonly termination: Termination }
  | { readonly kind: 'node'; readonly name: string }
  | { readonly kind: 'place'; readonly moves: readonly Move[] }
  | { readonly kind: 'refused' };

/**
 * Decodes a dispatcher's frame.
 * @throws MalformedError
 */
export function decodeVerdict(frame: Frame): ShimVerdict {
  switch (frame.type) {
    case DispatcherFrame.runLocally:
      return frame.payload.length === 0
        ? { kind: 'runLocally' }
        : { kind: 'runLocally', niceness: new ByteReader(frame.payload).u8() };
    case DispatcherFrame.output:
      return { kind: 'output', fd: new ByteReader(frame.payload).u8(), bytes: frame.payload.subarray(1) };
    case DispatcherFrame.exited:
      return { kind: 'ended', termination: { kind: 'exited', code: new ByteReader(frame.payload).u8() } };
    case DispatcherFrame.signalled:
      return { kind: 'ended', termination: { kind: 'signalled', signal: new ByteReader(frame.payload).u8() } };
    case DispatcherFrame.node:
      return { kind: 'node', name: frame.payload.toString('utf8') };
    case DispatcherFrame.place:
      return { kind: 'place', moves: decodePlace(frame.payload) };
    case DispatcherFrame.refused:
      return { kind: 'refused' };
    default:
      throw new MalformedError(`frame type ${frame.type}`);
  }
}

function decodePlace(payload: Buffer): Move[] {
  const reader = new ByteReader(payload);
  const moves: Move[] = [];
  for (let count = reader.u32(); count > 0; count -= 1) {
    const kind = reader.u8();
    if (kind === PlaceKind.move) moves.push({ kind: 'move', from: reader.text(), to: reader.text() });
    else if (kind === PlaceKind.remove) moves.push({ kind: 'remove', path: reader.text() });
    else throw new MalformedError(`move kind ${kind}`);
  }
  return moves;
}
