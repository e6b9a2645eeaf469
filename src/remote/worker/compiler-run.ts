/**
 * Process of one compiler: it is started through the runner (shims/prun.c), and its output is collected. Unaware of job
 * ids, of rewriting and of the dispatcher.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { MAX_OUTPUT_BYTES_PER_JOB, type JobEnvironment, type OutputChunk } from '../../protocol/worker.ts';
import type { Streams } from '../../protocol/streams.ts';
import { decodeRunnerReport, encodeRunnerStart, type RunnerReport } from '../../protocol/runner.ts';

/** A grandchild may keep stdout open for this long after the compiler's end before its process group is killed. */
const DRAIN_LIMIT_MS = 1_000;
const RUNNER_CONTROL_FD = 3;
const SIGKILL = 9;

/** The compiler to run. */
export interface RunRequest {
  /** Path of the runner program. */
  readonly runner: string;
  readonly umask: number;
  readonly cwd: string;
  readonly program: string;
  readonly argv: readonly string[];
  readonly streams: Streams;
  readonly environment: JobEnvironment;
}

/** How a run ended. */
export type RunEnd =
  | { readonly kind: 'ended'; readonly report: RunnerReport; readonly output: readonly OutputChunk[] }
  | { readonly kind: 'output-too-large' }
  /** The runner itself did not start, or died without a report. */
  | { readonly kind: 'runner-failed'; readonly detail: string };

/** A started compiler. `signal` reaches its whole process group. */
export interface CompilerRun {
  /** The pid of the runner, whose child the compiler is. Undefined if it did not start. */
  readonly pid: number | undefined;
  readonly end: Promise<RunEnd>;
  signal(signal: number): void;
}

/** Starts a compiler. @throws what spawn throws, such as E2BIG */
export function startRun(request: RunRequest): CompilerRun {
  const child = spawn(request.runner, [request.umask.toString(8), request.cwd, request.program, ...request.argv], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    // The job's environment goes over the control channel: Node would lose entries that are not text or occur twice.
    env: {},
    cwd: '/',
  });
  // This runs before any event can fire: a spawn failure arrives as 'error' on the next tick.
  const control = child.stdio[RUNNER_CONTROL_FD] as Duplex;
  // The runner may have exited when a signal is written; its exit is reported anyway.
  control.on('error', () => undefined);
  const { inherited, block } = request.environment;
  control.write(encodeRunnerStart({ streams: request.streams, inherited, environment: block }));
  const signal = (value: number): void => {
    if (!control.destroyed && control.writable) control.write(Buffer.of(value));
  };
  return { pid: child.pid, end: collect(child, control, signal), signal };
}

async function collect(child: ChildProcess, control: Duplex, signal: (value: number) => void): Promise<RunEnd> {
  const held = new HeldOutput(() => signal(SIGKILL));
  child.stdout?.on('data', (bytes: Buffer) => held.add(1, bytes));
  child.stderr?.on('data', (bytes: Buffer) => held.add(2, bytes));
  const reportBytes: Buffer[] = [];
  control.on('data', (bytes: Buffer) => reportBytes.push(bytes));

  const failure = await closed(child, () => signal(SIGKILL));
  if (held.isTooLarge) return { kind: 'output-too-large' };
  if (failure !== undefined) return { kind: 'runner-failed', detail: failure };
  const report = decodeRunnerReport(Buffer.concat(reportBytes));
  if (report) return { kind: 'ended', report, output: held.chunks };
  return { kind: 'runner-failed', detail: `the runner ended (${String(child.exitCode)}) without a report` };
}

/** A compiler's output, in order, up to a limit. */
class HeldOutput {
  isTooLarge = false;
  #streams: { readonly fd: 1 | 2; readonly parts: Buffer[] }[] = [];
  #bytes = 0;
  readonly #onTooLarge: () => void;

  constructor(onTooLarge: () => void) {
    this.#onTooLarge = onTooLarge;
  }

  add(fd: 1 | 2, bytes: Buffer): void {
    if (this.isTooLarge) return;
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_OUTPUT_BYTES_PER_JOB) {
      this.isTooLarge = true;
      this.#streams = [];
      this.#onTooLarge();
      return;
    }
    const last = this.#streams.at(-1);
    if (last?.fd === fd) last.parts.push(bytes);
    else this.#streams.push({ fd, parts: [bytes] });
  }

  /** Adjacent parts of one stream are joined, so that restoring names sees whole lines. */
  get chunks(): OutputChunk[] {
    return this.#streams.map(({ fd, parts }) => ({ fd, bytes: Buffer.concat(parts) }));
  }
}

/** Waits for the exit and for the end of stdout and stderr; resolves with an error message, if there was an error. */
function closed(child: ChildProcess, killGroup: () => void): Promise<string | undefined> {
  return new Promise((resolve) => {
    let drain: NodeJS.Timeout | undefined;
    child.once('error', (cause) => resolve(cause.message));
    child.once('exit', () => {
      drain = setTimeout(() => {
        killGroup();
        for (const stream of child.stdio) stream?.destroy();
      }, DRAIN_LIMIT_MS);
    });
    child.once('close', () => {
      clearTimeout(drain);
      resolve(undefined);
    });
  });
}
