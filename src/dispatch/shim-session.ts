/**
 * One connection to the dispatcher's socket: a shim with its one job, or a control session. It translates between
 * frames and the ports of shims and control sessions. Unaware of what happens to jobs and requests.
 */
import type { Socket } from 'node:net';
import { encodeControlAnswer, type ControlAnswer, type ControlRequest } from '../protocol/control.ts';
import { decodeControlRequest } from '../protocol/control-schema.ts';
import { FrameDecoder, MAX_FRAME_BYTES, type Frame } from '../protocol/frame.ts';
import {
  decodePlaced,
  decodeShimRequest,
  decodeShimSignal,
  encodeNode,
  encodeOutput,
  encodePlace,
  encodeRefused,
  encodeRunLocally,
  encodeTermination,
  ShimFrame,
  SHIM_PROTOCOL_VERSION,
  type Move,
  type PlaceFailure,
  type ShimRequest,
} from '../protocol/shim.ts';
import type { Termination } from '../protocol/termination.ts';
import type { Printed } from '../remote/job-output.ts';
import { deferred } from '../util/deferred.ts';
import type { Finish, ShimPort } from './job/shim-port.ts';
import { ByteReader, MalformedError } from '../util/bytes.ts';

const MAX_OUTPUT_CHUNK_BYTES = MAX_FRAME_BYTES / 4;
/** Limit on unread output on the way to a shim; the rest waits where it is buffered. */
const MAX_OUTPUT_UNREAD_BYTES = 2 * MAX_OUTPUT_CHUNK_BYTES;
/**
 * A new connection must send its request within this time. A shim that is stopped for longer runs its compiler itself.
 */
const INTRODUCTION_LIMIT_MS = 30_000;
/** Limit on unanswered requests of one control session: pmake's own programs send one at a time. */
const MAX_OPEN_REQUESTS = 64;
/** Limit on answers that a control session has not read; a report has at most 4 MiB. */
const MAX_UNREAD_BYTES = 4 * MAX_FRAME_BYTES;

/** Receivers of jobs and control requests. */
export interface ShimSessionHandlers {
  readonly onJob: (request: ShimRequest, shim: ShimPort) => void;
  readonly onControl: (request: ControlRequest, control: ControlPort) => void;
}

/** A control session as its requests see it. */
export interface ControlPort {
  readonly closed: Promise<void>;
  answer(answer: ControlAnswer): void;
}

type SessionKind = 'new' | 'job' | 'control';

/** The session of one socket. */
export class ShimSession implements ShimPort, ControlPort {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #handlers: ShimSessionHandlers;
  readonly #frames = new FrameDecoder();
  #kind: SessionKind = 'new';
  #signalListener: (signal: number) => void = () => undefined;
  /** Control requests without an answer. */
  #open = 0;
  #onPlaced: (failure: PlaceFailure | undefined) => void = () => undefined;

  constructor(socket: Socket, handlers: ShimSessionHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
    // A killed shim resets its socket; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    const patience = setTimeout(() => {
      if (this.#kind === 'new') socket.destroy();
    }, INTRODUCTION_LIMIT_MS);
    patience.unref();
    socket.once('close', () => clearTimeout(patience));
  }

  get isClosed(): boolean {
    return this.#socket.closed;
  }

  runLocally(niceness?: number): void {
    this.#socket.write(encodeRunLocally(niceness));
  }

  showNode(name: string): void {
    this.#socket.write(encodeNode(name));
  }

  async finish(output: Printed, termination: Termination): Promise<void> {
    if (await this.#write(output)) this.#socket.end(encodeTermination(termination));
  }

  async finishWith(moves: readonly Move[], output: Printed, termination: Termination): Promise<Finish> {
    const placed = deferred<Finish>();
    this.#onPlaced = (failure) => placed.resolve(failure ?? 'done');
    this.#socket.write(encodePlace(moves));
    // The shim reports on the moves while it receives output and termination.
    if (await this.#write(output)) this.#socket.write(encodeTermination(termination));
    return Promise.race([placed.promise, this.closed.then((): Finish => 'gone')]);
  }

  /** Writes large output no faster than it is read. False if the shim is gone or was disconnected. */
  async #write(output: Printed): Promise<boolean> {
    try {
      for (const { fd, bytes } of output.chunks()) {
        for (let at = 0; at < bytes.length; at += MAX_OUTPUT_CHUNK_BYTES) {
          this.#socket.write(encodeOutput(fd, bytes.subarray(at, at + MAX_OUTPUT_CHUNK_BYTES)));
        }
        if (this.#socket.writableLength > MAX_OUTPUT_UNREAD_BYTES) await Promise.race([this.#drained(), this.closed]);
        if (this.#socket.destroyed) return false;
      }
      return true;
    } catch {
      // The file that holds the output cannot be read.
      this.hangUp();
      return false;
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.once('drain', () => resolve());
    });
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  onSignal(listener: (signal: number) => void): void {
    this.#signalListener = listener;
  }

  answer(answer: ControlAnswer): void {
    this.#open -= 1;
    if (this.#socket.destroyed) return;
    this.#socket.write(encodeControlAnswer(answer));
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) if (!this.#socket.destroyed) this.#handle(frame);
    } catch (cause) {
      // A bug costs this connection only.
      if (!(cause instanceof MalformedError) && !(cause instanceof RangeError)) console.error('a session:', cause);
      // The peer does not speak the protocol, or was not understood: a shim then runs its compiler itself.
      this.#socket.destroy();
    }
  }

  #handle(frame: Frame): void {
    switch (frame.type) {
      case ShimFrame.request:
        this.#expect('new');
        this.#begin(frame.payload);
        return;
      case ShimFrame.signal:
        this.#expect('job');
        this.#signalListener(decodeShimSignal(frame.payload));
        return;
      case ShimFrame.placed:
        this.#expect('job');
        this.#onPlaced(decodePlaced(frame.payload));
        return;
      case ShimFrame.controlHello:
        this.#expect('new');
        if (new ByteReader(frame.payload).u16() !== SHIM_PROTOCOL_VERSION) this.#socket.end(encodeRefused());
        else this.#kind = 'control';
        return;
      case ShimFrame.control:
        this.#expect('control');
        this.#open += 1;
        if (this.#open > MAX_OPEN_REQUESTS) throw new MalformedError(`${this.#open} open requests`);
        this.#handlers.onControl(decodeControlRequest(frame), this);
        return;
      default:
        throw new MalformedError(`frame type ${frame.type}`);
    }
  }

  #begin(payload: Buffer): void {
    const { request } = decodeShimRequest(payload);
    if (!request) {
      this.#socket.end(encodeRefused());
      return;
    }
    this.#kind = 'job';
    this.#handlers.onJob(request, this);
  }

  #expect(kind: SessionKind): void {
    if (this.#kind !== kind) throw new MalformedError(`a frame for a ${kind} session in a ${this.#kind} one`);
  }
}
