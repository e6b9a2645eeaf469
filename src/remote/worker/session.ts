/**
 * Worker's side of its only connection: it receives requests, starts jobs and sends answers. When the connection ends
 * or the dispatcher falls silent, the session ends, and everything it runs ends with it. Unaware of how the bytes
 * travel and of what a compiler is.
 */
import { hostname, availableParallelism } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { FrameDecoder, MAX_FRAME_BYTES } from '../../protocol/frame.ts';
import {
  decodeWorkerRequest,
  encodeWorkerAnswer,
  WORKER_PREAMBLE,
  WORKER_PROTOCOL_VERSION,
  WORKER_SILENCE_LIMIT_MS,
  type JobEnvironment,
  type OutputChunk,
  type WorkerAnswer,
  type WorkerJob,
  type WorkerReady,
  type WorkerRequest,
} from '../../protocol/worker.ts';
import type { Inspection } from '../../protocol/inspection.ts';
import { freeBytesAt } from '../../tree/inspect-tree.ts';
import { ChangedDirectories } from './changed-directories.ts';
import { CpuReports } from './cpu-use.ts';
import { EnvironmentStore } from './environments.ts';
import { inspect, NodeKnowledge } from './inspect.ts';
import { runJob, type JobEnd } from './worker-job.ts';
import type { CompilerRun } from './compiler-run.ts';
import { Uncollected } from './uncollected.ts';

/** Leaves room in a frame for its other fields. */
const MAX_OUTPUT_CHUNK_BYTES = MAX_FRAME_BYTES / 4;
const SIGTERM = 15;
/** gcc's default directory for intermediate files; a job's TMPDIR may name another. */
const TEMPORARY_DIRECTORY = '/tmp';
/**
 * The time for compilers to exit after SIGTERM, and the same again for the removal of their outputs. It is short
 * because a retry relies on this worker's end.
 */
const LAST_ORDERS_MS = 300;

/** How a worker is connected and installed. */
export interface WorkerOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** Path of the runner program (prun). */
  readonly runner: string;
  readonly pmakeVersion: string;
  /** The file that keeps hashes of headers for this boot; undefined disables it. */
  readonly hashesPath: string | undefined;
}

/**
 * Serves until the connection ends and the outputs that the dispatcher has not collected are removed; resolves with the
 * reason for the end. The caller must then end this process, which kills what still runs.
 */
export function serveWorker(options: WorkerOptions): Promise<string> {
  return new WorkerSession(options).ended;
}

class WorkerSession {
  readonly ended: Promise<string>;
  readonly #options: WorkerOptions;
  readonly #frames = new FrameDecoder();
  readonly #environments = new EnvironmentStore();
  readonly #directories = new ChangedDirectories();
  readonly #knowledge: NodeKnowledge;
  /** Jobs by id; undefined while a job checks its sources and has no process yet. */
  readonly #runs = new Map<number, CompilerRun | undefined>();
  /**
   * Ends of jobs, including their file operations: after its compiler's end, a job may still write a restored depfile.
   */
  readonly #ends = new Set<Promise<void>>();
  readonly #uncollected = new Uncollected();
  readonly #cpu = new CpuReports((jobs) => this.#send({ kind: 'cpu', jobs }));
  /** Signals for jobs that have no process yet. */
  readonly #killed = new Map<number, number>();
  /** From now on, jobs end because of the cleanup, so no answer is sent, even if a dispatcher still reads. */
  #isOver = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#knowledge = new NodeKnowledge(options.hashesPath);
    this.ended = this.#serve();
  }

  #serve(): Promise<string> {
    const { input, output } = this.#options;
    output.write(WORKER_PREAMBLE);
    void describeSelf(this.#options.pmakeVersion).then((ready) => this.#send({ kind: 'ready', ready }));
    return new Promise((resolve) => {
      const silence = setTimeout(() => end('the dispatcher fell silent'), WORKER_SILENCE_LIMIT_MS);
      const end = (why: string): void => {
        clearTimeout(silence);
        input.pause();
        this.#isOver = true;
        void this.#cleanUp().then(() => resolve(why));
      };
      input.on('data', (chunk: Buffer) => {
        silence.refresh();
        try {
          for (const frame of this.#frames.push(chunk)) this.#handle(decodeWorkerRequest(frame));
        } catch (cause) {
          // The stream cannot be resynchronised: the dispatcher sees the end and runs the jobs elsewhere.
          end(`malformed request: ${String(cause)}`);
        }
      });
      input.on('end', () => end('the connection ended'));
      input.on('error', (cause) => end(`the connection broke: ${cause.message}`));
      output.on('error', (cause) => end(`the connection broke: ${cause.message}`));
    });
  }

  /** Takes at most twice LAST_ORDERS_MS, even if the file server does not answer. */
  async #cleanUp(): Promise<void> {
    // The runners kill the remaining jobs when this process ends.
    for (const id of this.#runs.keys()) this.#signal(id, SIGTERM);
    await Promise.race([Promise.all(this.#ends), delay(LAST_ORDERS_MS)]);
    await Promise.race([this.#uncollected.remove(), delay(LAST_ORDERS_MS)]);
  }

  #handle(request: WorkerRequest): void {
    switch (request.kind) {
      case 'environment':
        this.#environments.add(request.id, request);
        return;
      case 'job':
        this.#start(request.job);
        return;
      case 'kill':
        this.#signal(request.id, request.signal);
        return;
      case 'ping':
        this.#send({ kind: 'pong', sequence: request.sequence });
        return;
      case 'inspect':
        void this.#inspect(request.id, request.inspection);
        return;
    }
  }

  async #inspect(id: number, inspection: Inspection): Promise<void> {
    const findings = await inspect(inspection, this.#knowledge).catch((cause: unknown) => ({ defect: String(cause) }));
    this.#send({ kind: 'inspected', id, findings: JSON.stringify(findings) });
  }

  #start(job: WorkerJob): void {
    this.#uncollected.begin(job);
    const end = this.#runJob(job).finally(() => {
      this.#uncollected.report(job.id, performance.now());
      this.#ends.delete(end);
    });
    this.#ends.add(end);
  }

  async #runJob(job: WorkerJob): Promise<void> {
    const environment = this.#environments.get(job.environmentId);
    if (!environment) {
      this.#send({ kind: 'notRun', id: job.id, reason: 'environment-unknown', detail: String(job.environmentId) });
      return;
    }
    this.#runs.set(job.id, undefined);
    this.#cpu.begin(job.id);
    const end = await this.#runGuarded(job, environment);
    this.#runs.delete(job.id);
    this.#cpu.end(job.id);
    this.#killed.delete(job.id);
    if (end.kind === 'notRun') {
      this.#send({ kind: 'notRun', id: job.id, reason: end.reason, detail: end.detail });
      return;
    }
    for (const chunk of end.output) this.#sendOutput(job.id, chunk);
    this.#send({ kind: 'done', report: end.report });
  }

  /** A job that cannot be started (Node throws E2BIG, EMFILE) or fails unexpectedly does not affect other jobs. */
  #runGuarded(job: WorkerJob, environment: JobEnvironment): Promise<JobEnd> {
    return runJob(job, {
      runner: this.#options.runner,
      environment,
      directories: this.#directories,
      told: this.#knowledge.told,
      onStarted: (run) => {
        this.#runs.set(job.id, run);
        this.#cpu.started(job.id, run.pid);
        const signal = this.#killed.get(job.id);
        if (signal !== undefined) run.signal(signal);
      },
    }).catch((cause: unknown) => ({ kind: 'notRun', reason: 'spawn-failed', detail: String(cause) }));
  }

  #signal(id: number, signal: number): void {
    const run = this.#runs.get(id);
    if (run) run.signal(signal);
    else if (this.#runs.has(id)) this.#killed.set(id, signal);
  }

  #sendOutput(id: number, { fd, bytes }: OutputChunk): void {
    for (let at = 0; at < bytes.length; at += MAX_OUTPUT_CHUNK_BYTES) {
      this.#send({ kind: 'output', id, fd, bytes: bytes.subarray(at, at + MAX_OUTPUT_CHUNK_BYTES) });
    }
  }

  #send(answer: WorkerAnswer): void {
    if (this.#isOver) return;
    this.#options.output.write(encodeWorkerAnswer(answer));
  }
}

async function describeSelf(pmakeVersion: string): Promise<WorkerReady> {
  return {
    protocol: WORKER_PROTOCOL_VERSION,
    pmakeVersion,
    nodeVersion: process.versions.node,
    hostname: hostname(),
    cores: availableParallelism(),
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
    groups: process.getgroups?.() ?? [],
    temporaryBytes: await freeBytesAt(TEMPORARY_DIRECTORY),
  };
}
