/**
 * A worker that has turned against its dispatcher. It follows the protocol as far as a test wants: `playWorker` sends
 * what the test provides, and `turned` is a real worker whose answers are changed on their way.
 */
import { Duplex, PassThrough } from 'node:stream';
import { encodeFrame, FrameDecoder } from '../../src/protocol/frame.ts';
import {
  decodeWorkerAnswer,
  decodeWorkerRequest,
  encodeWorkerAnswer,
  type WorkerAnswer,
  type WorkerJob,
  type WorkerRequest,
} from '../../src/protocol/worker.ts';
import type { NodeChannel } from '../../src/remote/channel/node-pipe.ts';
import type { LinkChannel } from '../../src/remote/node-link.ts';
import { deferred } from '../../src/util/deferred.ts';

/** An answer, or arbitrary bytes. */
export type Said = WorkerAnswer | Buffer;

export interface PlayedWorker {
  readonly channel: LinkChannel;
  /** All requests so far. */
  readonly asked: readonly WorkerRequest[];
  readonly jobs: readonly WorkerJob[];
  say(...answers: readonly Said[]): void;
  /** Resolves when everything sent so far has been read. */
  heard(): Promise<void>;
}

/** @param react the automatic answer to each request; by default it answers pings and nothing else */
export function playWorker(react: (request: WorkerRequest) => readonly Said[] = answerPings): PlayedWorker {
  const toDispatcher = new PassThrough({ highWaterMark: 1 });
  const closed = deferred<string>();
  const frames = new FrameDecoder();
  const asked: WorkerRequest[] = [];
  const say = (...answers: readonly Said[]): void => {
    for (const answer of answers) toDispatcher.write(toBytes(answer));
  };
  const writable = new PassThrough();
  writable.on('data', (chunk: Buffer) => {
    for (const request of frames.push(chunk).map(decodeWorkerRequest)) {
      asked.push(request);
      say(...react(request));
    }
  });
  const stream = Duplex.from({ readable: toDispatcher, writable });
  return {
    channel: { stream, closed: closed.promise, close: () => stream.destroy() },
    asked,
    get jobs() {
      return asked.flatMap((request) => (request.kind === 'job' ? [request.job] : []));
    },
    say,
    heard: async () => {
      while (toDispatcher.readableLength + toDispatcher.writableLength > 0 && !stream.destroyed) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

export function answerPings(request: WorkerRequest): readonly WorkerAnswer[] {
  return request.kind === 'ping' ? [{ kind: 'pong', sequence: request.sequence }] : [];
}

/** @param change replaces an honest answer */
export function turned(channel: NodeChannel, change: (honest: WorkerAnswer) => Iterable<Said>): NodeChannel {
  const frames = new FrameDecoder();
  const readable = new PassThrough();
  channel.stream.on('data', (chunk: Buffer) => {
    for (const frame of frames.push(chunk)) {
      for (const answer of change(decodeWorkerAnswer(frame))) readable.write(toBytes(answer));
    }
  });
  channel.stream.once('close', () => readable.end());
  const writable = new PassThrough();
  writable.pipe(channel.stream);
  const stream = Duplex.from({ readable, writable });
  stream.on('error', () => undefined);
  return {
    stream,
    closed: channel.closed,
    close: () => {
      channel.close();
      stream.destroy();
    },
    noise: channel.noise,
    stderrTail: () => channel.stderrTail(),
  };
}

function toBytes(said: Said): Buffer {
  return Buffer.isBuffer(said) ? said : encodeWorkerAnswer(said);
}

/** A frame of a type that no protocol has. */
export const NO_ANSWER = encodeFrame(0x7f, Buffer.from('?'));
