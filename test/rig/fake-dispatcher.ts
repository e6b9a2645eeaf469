/**
 * A dispatcher whose answers the test provides: it listens where the shim looks, passes each request on as a FakeJob,
 * and sends nothing by itself.
 */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { FrameDecoder, type Frame } from '../../src/protocol/frame.ts';
import {
  ShimFrame,
  decodePlaced,
  decodeShimRequest,
  decodeShimSignal,
  encodeNode,
  encodeOutput,
  encodePlace,
  encodeRefused,
  encodeRunLocally,
  encodeTermination,
  type Move,
  type PlaceFailure,
  type ShimRequest,
} from '../../src/protocol/shim.ts';
import { readStreams } from '../../src/protocol/streams.ts';
import { ByteReader } from '../../src/util/bytes.ts';
import { Arrivals, closed, listenAt, type Listener } from './shim-arrivals.ts';

/** One call of a shim, from its request until its socket closes. */
export class FakeJob {
  readonly request: ShimRequest;
  /** The request's argv as bytes, in which arguments that are not UTF-8 survive. */
  readonly words: readonly Buffer[];
  readonly signals = new Arrivals<number>();
  /** The shim's answer to each `place`: the failure, or that all was done. */
  readonly placed = new Arrivals<PlaceFailure | 'done'>();
  /** Settles when the shim's socket, and every copy of it that a program inherited, is closed. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;

  constructor(socket: Socket, payload: Buffer) {
    const { version, request } = decodeShimRequest(payload);
    if (!request) throw new Error(`a request of version ${version}`);
    this.request = request;
    this.words = rawWords(payload);
    this.#socket = socket;
    this.closed = closed(socket);
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /**
   * Waits until the shim has its signal handlers: an earlier signal ends it, like a compiler that has just started. It
   * shows the node's name once it reads.
   */
  async shimWaits(pid: number): Promise<void> {
    this.node('waits');
    while (!readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('pcc[waits]')) await new Promise(setImmediate);
  }

  runLocally(niceness?: number): void {
    this.#socket.write(encodeRunLocally(niceness));
  }

  output(fd: 1 | 2, bytes: Buffer | string): void {
    this.#socket.write(encodeOutput(fd, Buffer.from(bytes)));
  }

  node(name: string): void {
    this.#socket.write(encodeNode(name));
  }

  exit(code: number): void {
    this.#socket.write(encodeTermination({ kind: 'exited', code }));
  }

  dieBy(signal: number): void {
    this.#socket.write(encodeTermination({ kind: 'signalled', signal }));
  }

  place(moves: readonly Move[]): void {
    this.#socket.write(encodePlace(moves));
  }

  refuse(): void {
    this.#socket.write(encodeRefused());
  }

  /** Sends bytes that no dispatcher would send, or partial frames. */
  raw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Sends what is written and `last`, and then closes, like a dispatcher that was killed. */
  hangUp(last: Buffer = Buffer.alloc(0)): void {
    this.#socket.end(last);
  }
}

export class FakeDispatcher implements AsyncDisposable {
  readonly jobs = new Arrivals<FakeJob>();
  readonly #listener: Listener;

  private constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** Listens at `runtimeDirectory`/dispatcher.sock. */
  static async listen(runtimeDirectory: string): Promise<FakeDispatcher> {
    const early: Socket[] = [];
    let accept = (socket: Socket): void => void early.push(socket);
    const listener = await listenAt(`${runtimeDirectory}/dispatcher.sock`, (socket) => accept(socket));
    const dispatcher = new FakeDispatcher(listener);
    accept = (socket) => dispatcher.#accept(socket);
    early.forEach(accept);
    return dispatcher;
  }

  nextJob(): Promise<FakeJob> {
    return this.jobs.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener[Symbol.asyncDispose]();
  }

  #accept(socket: Socket): void {
    const decoder = new FrameDecoder();
    let job: FakeJob | undefined;
    const take = (frame: Frame): void => {
      if (frame.type === ShimFrame.placed) job?.placed.push(decodePlaced(frame.payload) ?? 'done');
      else if (frame.type === ShimFrame.signal) job?.signals.push(decodeShimSignal(frame.payload));
      else if (frame.type === ShimFrame.request) this.jobs.push((job = new FakeJob(socket, frame.payload)));
      else throw new Error(`a shim sent frame type ${frame.type}`);
    };
    socket.on('data', (chunk: Buffer) => decoder.push(chunk).forEach(take));
  }
}

function rawWords(payload: Buffer): Buffer[] {
  const reader = new ByteReader(payload);
  reader.u16();
  readStreams(reader);
  for (let skipped = 0; skipped < 3; skipped += 1) reader.u32();
  for (let skipped = 0; skipped < 3; skipped += 1) reader.bytes();
  return Array.from({ length: reader.u32() }, () => Buffer.from(reader.bytes()));
}
