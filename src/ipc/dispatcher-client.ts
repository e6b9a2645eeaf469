/**
 * The control session between pmake or pmakectl and the dispatcher: connects, sends requests and receives answers, with
 * a timeout for each. Unaware of what the answers mean and of how a dispatcher is started.
 */
import { createConnection, type Socket } from 'node:net';
import { encodeControlRequest, type ControlAnswer, type ControlRequest } from '../protocol/control.ts';
import { decodeControlAnswer } from '../protocol/control-schema.ts';
import { encodeFrame, FrameDecoder, type Frame } from '../protocol/frame.ts';
import { DispatcherFrame, ShimFrame, SHIM_PROTOCOL_VERSION } from '../protocol/shim.ts';
import { ByteReader, ByteWriter, MalformedError } from '../util/bytes.ts';
import { fail, ok, type Result } from '../util/result.ts';

/** A local socket answers at once or never; the timeout allows for a machine that is swapping. */
const CONNECT_LIMIT_MS = 2_000;
const ANSWER_LIMIT_MS = 5_000;
/** sun_path of unix(7), without the final NUL. Node silently truncates a longer path, to the name of another file. */
const MAX_SOCKET_PATH_BYTES = 107;

/** Why a session could not be opened, or ended. */
export type SessionFailure =
  | { readonly reason: 'not-running' }
  | { readonly reason: 'cannot-connect'; readonly detail: string }
  | { readonly reason: 'other-version'; readonly version: number }
  | { readonly reason: 'no-answer'; readonly afterMs: number }
  | { readonly reason: 'closed' }
  | { readonly reason: 'malformed'; readonly detail: string }
  /** The dispatcher understood the request and declined it. */
  | { readonly reason: 'declined'; readonly message: string };

/** One sentence for the user. */
export function describeSessionFailure(failure: SessionFailure): string {
  switch (failure.reason) {
    case 'not-running':
      return 'no dispatcher is running';
    case 'cannot-connect':
      return `the dispatcher cannot be reached: ${failure.detail}`;
    case 'other-version':
      return `the running dispatcher speaks protocol version ${failure.version}, not ${SHIM_PROTOCOL_VERSION}: it belongs to another release of pmake, and exits after five idle minutes`;
    case 'no-answer':
      return `the dispatcher did not answer within ${failure.afterMs / 1000} s`;
    case 'closed':
      return 'the dispatcher closed the connection';
    case 'malformed':
      return `the dispatcher sent an invalid message: ${failure.detail}`;
    case 'declined':
      return failure.message;
  }
}

type AnswerKind = ControlAnswer['kind'];
type AnswerOf<K extends AnswerKind> = Extract<ControlAnswer, { readonly kind: K }>;
type Asked = (answer: Result<ControlAnswer, SessionFailure>) => void;

/** One connection. Answers arrive in the order of the requests. */
export class DispatcherSession {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #asked: Asked[] = [];
  #ended: SessionFailure | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', (cause) => this.#end({ reason: 'cannot-connect', detail: cause.message }));
    socket.on('close', () => this.#end({ reason: 'closed' }));
    const hello = new ByteWriter().u16(SHIM_PROTOCOL_VERSION).finish();
    socket.write(encodeFrame(ShimFrame.controlHello, hello));
  }

  /** Connects to a running dispatcher; does not start one. */
  static connect(socketPath: string): Promise<Result<DispatcherSession, SessionFailure>> {
    if (Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES) {
      return Promise.resolve(fail({ reason: 'cannot-connect', detail: `${socketPath} is too long for a socket` }));
    }
    return new Promise((resolve) => {
      const socket = createConnection(socketPath);
      const timer = setTimeout(() => {
        socket.destroy();
        resolve(fail({ reason: 'no-answer', afterMs: CONNECT_LIMIT_MS }));
      }, CONNECT_LIMIT_MS);
      socket.once('error', (cause: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        const isAbsent = cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED';
        resolve(fail(isAbsent ? { reason: 'not-running' } : { reason: 'cannot-connect', detail: cause.message }));
      });
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners('error');
        resolve(ok(new DispatcherSession(socket)));
      });
    });
  }

  /** Sends a request and waits for the kind of answer that belongs to it. */
  async ask<K extends AnswerKind>(
    request: ControlRequest,
    kind: K,
    limitMs = ANSWER_LIMIT_MS,
  ): Promise<Result<AnswerOf<K>, SessionFailure>> {
    const answer = await this.#request(request, limitMs);
    if (!answer.ok) return answer;
    const { value } = answer;
    if (value.kind === 'error') return fail({ reason: 'declined', message: value.message });
    if (value.kind !== kind) return fail({ reason: 'malformed', detail: `${value.kind} in answer to ${request.verb}` });
    return ok(value as AnswerOf<K>);
  }

  close(): void {
    this.#socket.destroy();
    this.#end({ reason: 'closed' });
  }

  #request(request: ControlRequest, limitMs: number): Promise<Result<ControlAnswer, SessionFailure>> {
    return new Promise((resolve) => {
      if (this.#ended) {
        resolve(fail(this.#ended));
        return;
      }
      // A late answer must not be mistaken for the answer to the next request: end the session on its first timeout.
      const timer = setTimeout(() => {
        this.#end({ reason: 'no-answer', afterMs: limitMs });
        this.#socket.destroy();
      }, limitMs);
      this.#asked.push((answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.#socket.write(encodeControlRequest(request));
    });
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#decoder.push(chunk)) this.#take(frame);
    } catch (cause) {
      if (!(cause instanceof MalformedError)) throw cause;
      this.#end({ reason: 'malformed', detail: cause.message });
      this.#socket.destroy();
    }
  }

  #take(frame: Frame): void {
    if (frame.type === DispatcherFrame.refused) {
      this.#end({ reason: 'other-version', version: new ByteReader(frame.payload).u16() });
    } else if (frame.type === DispatcherFrame.control) {
      // Decode before dequeuing: if decoding fails, the request is still queued and gets the failure.
      const answer = decodeControlAnswer(frame);
      this.#asked.shift()?.(ok(answer));
    }
  }

  #end(failure: SessionFailure): void {
    this.#ended ??= failure;
    for (const asked of this.#asked.splice(0)) asked(fail(this.#ended));
  }
}
