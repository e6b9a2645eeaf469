/** A shim played by the test: it sends one request to a dispatcher and passes on the answers. */
import { once } from 'node:events';
import { renameSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { encodeFrame, FrameDecoder } from '../../src/protocol/frame.ts';
import { encodeInherited, NOTHING_SET, type Inherited } from '../../src/protocol/inherited.ts';
import { PLAIN_STREAMS, type Streams } from '../../src/protocol/streams.ts';
import {
  decodeVerdict,
  encodePlaced,
  encodeShimRequest,
  ShimFrame,
  type PlaceFailure,
  type ShimVerdict,
} from '../../src/protocol/shim.ts';
import { Arrivals } from './shim-arrivals.ts';

export interface FakeShimCall {
  readonly program: string;
  readonly cwd: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly streams?: Streams;
  readonly inherited?: Partial<Inherited>;
}

export class FakeShim {
  readonly verdicts = new Arrivals<ShimVerdict>();
  /** If set, it cannot put anything in place. */
  placeFailure: PlaceFailure | undefined;
  /** Resolves when the connection is closed, by either side. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;

  constructor(socketPath: string, call: FakeShimCall) {
    this.#socket = connect(socketPath);
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    const decoder = new FrameDecoder();
    this.#socket.on('error', () => undefined);
    this.#socket.on('data', (chunk: Buffer) => {
      for (const frame of decoder.push(chunk)) this.#take(decodeVerdict(frame));
    });
    const environment = Object.entries({ PATH: '/usr/bin:/bin', ...call.env }).map(
      ([name, value]) => `${name}=${value}\0`,
    );
    this.#socket.write(
      encodeShimRequest({
        streams: call.streams ?? PLAIN_STREAMS,
        umask: 0o22,
        pid: process.pid,
        sessionId: 1,
        name: call.program.slice(call.program.lastIndexOf('/') + 1),
        program: call.program,
        cwd: call.cwd,
        argv: call.argv,
        inherited: encodeInherited({ ...NOTHING_SET, ...call.inherited }),
        environment: Buffer.from(environment.join('')),
      }),
    );
  }

  /** Like shims/place.c, as far as tests check. */
  #take(verdict: ShimVerdict): void {
    this.verdicts.push(verdict);
    if (verdict.kind !== 'place') return;
    if (this.placeFailure) {
      this.#socket.write(encodePlaced(this.placeFailure));
      return;
    }
    for (const move of verdict.moves) {
      if (move.kind === 'move') renameSync(move.from, move.to);
      else rmSync(move.path, { force: true });
    }
    this.#socket.write(encodePlaced());
  }

  /** The next verdict other than the node's name and the moves. */
  async next(): Promise<ShimVerdict> {
    for (;;) {
      const verdict = await this.verdicts.next();
      if (verdict.kind !== 'node' && verdict.kind !== 'place') return verdict;
    }
  }

  signal(signal: number): void {
    this.#socket.write(encodeFrame(ShimFrame.signal, Buffer.of(signal)));
  }

  /** As if the shim were killed, or the compiler that it became ended. */
  async close(): Promise<void> {
    this.#socket.destroy();
    if (!this.#socket.closed) await once(this.#socket, 'close');
  }
}
