/**
 * Shim ↔ dispatcher, over the user's unix socket. One connection is one job (or one control session).
 * Mirrored in shims/protocol.h; test/protocol/shim-header.test.ts holds the two together.
 *
 * Version range: exactly SHIM_PROTOCOL_VERSION. Only append: a changed meaning is a new version.
 * A dispatcher that reads another version answers `refused` and the shim runs the compiler itself.
 */
import { isUtf8 } from 'node:buffer';
import { ByteReader, ByteWriter, MalformedError } from '../util/bytes.ts';
import { encodeFrame, type Frame } from './frame.ts';
import { decodeInherited } from './inherited.ts';
import { readStreams, writeStreams, type Streams } from './streams.ts';
import type { Termination } from './termination.ts';

export const SHIM_PROTOCOL_VERSION = 3;
/** More words than any linker line seen (the kernel's longest has 3,000); above, the job stays here. */
export const MAX_ARGV_WORDS = 100_000;

/** Frame types, shim → dispatcher. */
export const ShimFrame = {
  /** The first frame of a job: see ShimRequest. */
  request: 0x01,
  /** u8 signal number: a signal the shim received, for the job's process group. */
  signal: 0x02,
  /** The first frame of a control session, u16 version; control.ts has the rest. */
  controlHello: 0x03,
  /** One JSON control request. */
  control: 0x04,
  /** What became of `place`: u8 1, or u8 0 and u32 index of the move that failed, u32 errno. */
  placed: 0x05,
} as const;

/** Frame types, dispatcher → shim. */
export const DispatcherFrame = {
  /** Empty, or u8 what to add to the niceness: exec the real compiler now; the open socket is the local slot. */
  runHere: 0x11,
  /** u8 1 (stdout) or 2 (stderr), then bytes. Held by the shim until the job's end. */
  output: 0x12,
  /** u8 exit code: write what was held, exit with it. */
  exited: 0x13,
  /** u8 signal number: write what was held, die by it. */
  signalled: 0x14,
  /** The node's name, for the process title. */
  node: 0x15,
  /** u16 version spoken here: not yours. */
  refused: 0x16,
  /**
   * u32 count, then that many moves: u8 PLACE_MOVE, from, to; or u8 PLACE_REMOVE, path (bytes with a u32 length). Carried
   * out in their order and answered by `placed`. Where one fails, the end that follows is passed over: another verdict comes.
   */
  place: 0x17,
  /** One JSON control answer or event. */
  control: 0x1a,
} as const;

/** Kinds of moves in a `place` frame. */
export const PlaceKind = { move: 1, remove: 2 } as const;

/** What is to be done with one file, on the submit host, by the shim. Only regular files are moved or removed. */
export type Move =
  | { readonly kind: 'move'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string };

/** `index` of the move that failed, and errno. */
export interface PlaceFailure {
  readonly index: number;
  readonly errno: number;
}

/**
 * One compile as the shim saw it, in the order of the fields. Everything is bytes on the wire; what is not UTF-8 is told
 * apart by `isText`.
 */
export interface ShimRequest {
  readonly streams: Streams;
  readonly umask: number;
  readonly pid: number;
  /** Session id of the shim: groups the jobs of a make that was not started by pmake. */
  readonly sessionId: number;
  /** The name called, without directory: `gcc`, `x86_64-linux-gnu-ld`. */
  readonly name: string;
  /** The real program, an absolute path, found on PATH after the shim directory. */
  readonly program: string;
  /** getcwd(3). */
  readonly cwd: string;
  /** The words after the program. */
  readonly argv: readonly string[];
  /** As inherited.ts encodes it. */
  readonly inherited: Buffer;
  /** NUL-terminated entries, `NAME=value` as a rule. */
  readonly environment: Buffer;
  /** False when any word or path is not UTF-8: Node cannot reproduce it, so the job stays here. */
  readonly isText: boolean;
}

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

/** The inverse, for tests and benchmarks that play the shim. */
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

export function decodeShimSignal(payload: Buffer): number {
  return new ByteReader(payload).u8();
}

export function encodePlace(moves: readonly Move[]): Buffer {
  const writer = new ByteWriter().u32(moves.length);
  for (const move of moves) {
    if (move.kind === 'move') writer.u8(PlaceKind.move).text(move.from).text(move.to);
    else writer.u8(PlaceKind.remove).text(move.path);
  }
  return encodeFrame(DispatcherFrame.place, writer.finish());
}

/** Undefined when all of it was carried out. */
export function decodePlaced(payload: Buffer): PlaceFailure | undefined {
  const reader = new ByteReader(payload);
  return reader.u8() === 1 ? undefined : { index: reader.u32(), errno: reader.u32() };
}

/** The inverse, for tests and benchmarks that play the shim. */
export function encodePlaced(failure?: PlaceFailure): Buffer {
  const writer = new ByteWriter().u8(failure ? 0 : 1);
  if (failure) writer.u32(failure.index).u32(failure.errno);
  return encodeFrame(ShimFrame.placed, writer.finish());
}

export function encodeRunHere(niceness = 0): Buffer {
  return encodeFrame(DispatcherFrame.runHere, niceness === 0 ? Buffer.alloc(0) : Buffer.of(niceness));
}

export function encodeOutput(fd: 1 | 2, bytes: Buffer): Buffer {
  return encodeFrame(DispatcherFrame.output, Buffer.concat([Buffer.of(fd), bytes]));
}

export function encodeTermination(termination: Termination): Buffer {
  return termination.kind === 'exited'
    ? encodeFrame(DispatcherFrame.exited, Buffer.of(termination.code & 0xff))
    : encodeFrame(DispatcherFrame.signalled, Buffer.of(termination.signal & 0xff));
}

export function encodeNode(name: string): Buffer {
  return encodeFrame(DispatcherFrame.node, Buffer.from(name, 'utf8'));
}

export function encodeRefused(): Buffer {
  return encodeFrame(DispatcherFrame.refused, new ByteWriter().u16(SHIM_PROTOCOL_VERSION).finish());
}

/** What the shim would make of a dispatcher's frame; for tests and benchmarks that play the shim. */
export type ShimVerdict =
  | { readonly kind: 'runHere'; readonly niceness?: number }
  | { readonly kind: 'output'; readonly fd: number; readonly bytes: Buffer }
  | { readonly kind: 'ended'; readonly termination: Termination }
  | { readonly kind: 'node'; readonly name: string }
  | { readonly kind: 'place'; readonly moves: readonly Move[] }
  | { readonly kind: 'refused' };

export function decodeVerdict(frame: Frame): ShimVerdict {
  switch (frame.type) {
    case DispatcherFrame.runHere:
      return frame.payload.length === 0
        ? { kind: 'runHere' }
        : { kind: 'runHere', niceness: new ByteReader(frame.payload).u8() };
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
