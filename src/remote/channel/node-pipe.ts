/**
 * Raw pipe to a program on a node, independent of the transport, and the channel to a started worker on top of it.
 * Unaware of ssh and of frames.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import { deferred } from '../../util/deferred.ts';
import { startPatientTimer } from '../../util/patience.ts';
import { fail, ok, type Result } from '../../util/result.ts';
import { ChannelStream } from './channel-stream.ts';
import { WORKER_PREAMBLE } from '../../protocol/worker.ts';
import { PreambleScanner } from './preamble.ts';

/** Enough for Node's message about a missing module. */
const STDERR_TAIL_BYTES = 4 * 1024;

/** How the remote program ended, or why the connection ended: `exit status 127`, `the connection was lost: ...`. */
export type PipeEnd = string;

/** The standard streams of a program on a node. */
export interface NodePipe {
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly stdin: Writable;
  /** Resolves once, after the last byte of stdout and stderr. */
  readonly ended: Promise<PipeEnd>;
  /** Closes the program's connection. */
  destroy(): void;
}

/** A worker's stdin and stdout. */
export interface NodeChannel {
  /** Starts right after the worker's preamble; binary; backpressure works in both directions. Never emits `error`. */
  readonly stream: Duplex;
  /** Resolves once, with the reason, however the channel ends. Never rejects. */
  readonly closed: Promise<string>;
  /** Ends the channel at once; the worker dies with it. Idempotent. */
  close(): void;
  /** Output of the login shell's rc files before the worker's preamble. It is harmless and skipped. */
  readonly noise: string;
  /** The end of what the worker and its login shell wrote to stderr. */
  stderrTail(): string;
}

/** Why a pipe did not become a channel. */
export type StartFailure =
  | { readonly kind: 'aborted' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'no-worker'; readonly printed: string; readonly stderr: string; readonly ended: PipeEnd };

/** Waits up to `startMs` for the worker's preamble on `pipe`. On a failure, the pipe is destroyed. */
export async function awaitWorker(
  pipe: NodePipe,
  startMs: number,
  abort: AbortSignal,
): Promise<Result<NodeChannel, StartFailure>> {
  const stderr = new StderrTail(pipe.stderr);
  const scanner = new PreambleScanner();
  const outcome = deferred<Result<Buffer, StartFailure>>();
  const noWorker = (ended: PipeEnd) =>
    outcome.resolve(fail({ kind: 'no-worker', printed: tailOf(scanner.printed), stderr: stderr.text(), ended }));
  const onData = (chunk: Buffer) => {
    const step = scanner.push(chunk);
    if (step.kind === 'more') return;
    pipe.stdout.off('data', onData);
    pipe.stdout.pause();
    if (step.kind === 'found') outcome.resolve(ok(step.rest));
    else noWorker('still running');
  };
  const onAbort = () => outcome.resolve(fail({ kind: 'aborted' }));
  const endWait = startPatientTimer(startMs, () => outcome.resolve(fail({ kind: 'timeout' })));
  abort.addEventListener('abort', onAbort);
  if (abort.aborted) onAbort();
  pipe.stdout.on('data', onData);
  void pipe.ended.then(noWorker);
  const started = await outcome.promise;
  endWait();
  abort.removeEventListener('abort', onAbort);
  if (started.ok) return ok(channelOf(pipe, started.value, stderr, noiseOf(scanner.printed)));
  pipe.destroy();
  return started;
}

/** The output of the login shell's rc files before the preamble. */
function noiseOf(printed: Buffer): string {
  return tailOf(printed.subarray(0, printed.indexOf(WORKER_PREAMBLE)));
}

function channelOf(pipe: NodePipe, first: Buffer, stderr: StderrTail, noise: string): NodeChannel {
  const stream = new ChannelStream(pipe.stdout, pipe.stdin, first);
  const closed = deferred<string>();
  // When the worker exits by itself, its last frames may still be unread in `stream`; after close(), they are not read.
  const close = () => {
    closed.resolve('closed here');
    pipe.destroy();
    stream.destroy();
  };
  void pipe.ended.then((ended) => {
    const lastWords = stderr.text().trim().split('\n').at(-1) ?? '';
    closed.resolve(lastWords === '' ? ended : `${ended}: ${lastWords}`);
    pipe.destroy();
  });
  return { stream, closed: closed.promise, close, noise, stderrTail: () => stderr.text() };
}

class StderrTail {
  #bytes: Buffer = Buffer.alloc(0);

  constructor(stderr: Readable) {
    stderr.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-STDERR_TAIL_BYTES);
    });
  }

  text(): string {
    return this.#bytes.toString('utf8');
  }
}

function tailOf(bytes: Buffer): string {
  return bytes.subarray(-STDERR_TAIL_BYTES).toString('utf8');
}
