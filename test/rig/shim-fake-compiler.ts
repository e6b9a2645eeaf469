/** The test's end of shim-fake-compiler.c: each call of the compiler arrives here and waits for the test's commands. */
import type { Socket } from 'node:net';
import { FrameDecoder, encodeFrame } from '../../src/protocol/frame.ts';
import { ByteReader } from '../../src/util/bytes.ts';
import { Arrivals, closed, listenAt, type Listener } from './shim-arrivals.ts';

/** One running call. */
export class FakeCompilerCall {
  readonly pid: number;
  readonly umask: number;
  readonly cwd: string;
  /** argv, including argv[0]. */
  readonly argv: readonly Buffer[];
  readonly env: ReadonlyMap<string, string>;
  /** /proc/self/environ as it was. */
  readonly environment: Buffer;
  readonly closed: Promise<void>;
  readonly #socket: Socket;

  constructor(socket: Socket, payload: Buffer) {
    const reader = new ByteReader(payload);
    this.pid = reader.u32();
    this.umask = reader.u32();
    this.cwd = reader.text();
    this.argv = splitNul(Buffer.from(reader.bytes()));
    this.environment = Buffer.from(reader.bytes());
    this.env = new Map(
      splitNul(this.environment).map((entry) => {
        const text = entry.toString();
        return [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)];
      }),
    );
    this.#socket = socket;
    this.closed = closed(socket);
  }

  /** argv as text. */
  get words(): string[] {
    return this.argv.map((word) => word.toString());
  }

  print(fd: 1 | 2, text: string): void {
    this.#socket.write(encodeFrame(fd, Buffer.from(text)));
  }

  exit(code: number): void {
    this.#socket.write(encodeFrame(3, Buffer.of(code)));
  }

  dieBy(signal: number): void {
    this.#socket.write(encodeFrame(4, Buffer.of(signal)));
  }

  /** Runs a shell command in the compiler and waits for it; later commands wait too. */
  shell(command: string): void {
    this.#socket.write(encodeFrame(5, Buffer.from(command)));
  }
}

export class FakeCompilerCalls implements AsyncDisposable {
  readonly arrivals = new Arrivals<FakeCompilerCall>();
  /** Calls so far. */
  arrived = 0;
  #listener: Listener | undefined;

  static async listen(path: string): Promise<FakeCompilerCalls> {
    const calls = new FakeCompilerCalls();
    calls.#listener = await listenAt(path, (socket) => calls.#accept(socket));
    return calls;
  }

  get path(): string {
    return this.#listener?.path ?? '';
  }

  next(): Promise<FakeCompilerCall> {
    return this.arrivals.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener?.[Symbol.asyncDispose]();
  }

  #accept(socket: Socket): void {
    const decoder = new FrameDecoder();
    socket.on('data', (chunk: Buffer) => {
      for (const frame of decoder.push(chunk)) {
        this.arrived += 1;
        this.arrivals.push(new FakeCompilerCall(socket, frame.payload));
      }
    });
  }
}

/** The entries of a NUL-terminated list. */
export function splitNul(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0, start);
    const stop = end < 0 ? bytes.length : end;
    parts.push(bytes.subarray(start, stop));
    start = stop + 1;
  }
  return parts;
}
