/**
 * Dispatcher's end of the connection to one node: it sends jobs and reports their ends over the worker's channel, and
 * notices when the node falls silent. Unaware of queues, retries and what a compile is.
 */
import type { Duplex } from 'node:stream';
import type { PathMap } from '../command/path-maps.ts';
import { FrameDecoder } from '../protocol/frame.ts';
import type { Findings, Inspection } from '../protocol/inspection.ts';
import { decodeFindings } from '../protocol/inspection-schema.ts';
import {
  decodeWorkerAnswer,
  encodeWorkerRequest,
  MAX_OUTPUT_BYTES_PER_JOB,
  NODE_SILENCE_LIMIT_MS,
  PING_INTERVAL_MS,
  WORKER_SILENCE_LIMIT_MS,
  type JobEnvironment,
  type NotRunReason,
  type WorkerAnswer,
  type WorkerJob,
  type WorkerReady,
  type WorkerReport,
  type WorkerRequest,
} from '../protocol/worker.ts';
import { MalformedError } from '../util/bytes.ts';
import { deferred, type Deferred } from '../util/deferred.ts';
import { startPatientTimer } from '../util/patience.ts';
import { JobOutput, OutputBudget, type Printed } from './job-output.ts';

/** The time beyond its own limit that a worker needs to notice the silence and kill its jobs, on a slow machine. */
const FENCE_MARGIN_MS = 1_500;
const SIGKILL = 9;
/** From SIGKILL to the job's end. A worker whose jobs do not end is useless, and would keep a slot for each. */
const KILLED_LIMIT_MS = 5_000;
/** The limit on held output of all jobs of one node, most of it in files. */
const MAX_HELD_BYTES = 256 * 1024 * 1024;
/** The limit on bytes queued for a node. A node that does not read its requests is useless, whatever it replies. */
const MAX_UNSENT_BYTES = 32 * 1024 * 1024;
/**
 * A worker evicts environments beyond a thousand, but a job directly follows its environment, so few resends suffice.
 */
const MAX_RESENDS = 2;

/** An environment as it is sent to nodes; `id` is unique in this dispatcher. */
export interface NodeEnvironment extends JobEnvironment {
  readonly id: number;
}

/** How a job on a node ended. */
export type RemoteEnd =
  | { readonly kind: 'done'; readonly report: WorkerReport; readonly output: Printed }
  | { readonly kind: 'notRun'; readonly reason: NotRunReason; readonly detail: string }
  /** The node is gone; the job may continue to run on it until `fencedAtMs` (performance.now()). */
  | { readonly kind: 'lost'; readonly why: string; readonly fencedAtMs: number };

/** A job that was sent to the node. */
export interface RemoteRun {
  readonly end: Promise<RemoteEnd>;
  signal(signal: number): void;
}

interface PendingJob {
  readonly job: WorkerJob;
  readonly environment: NodeEnvironment;
  readonly end: Deferred<RemoteEnd>;
  readonly output: JobOutput;
  /** All output received so far. */
  printedBytes: number;
  /** Whether `output` holds all of it. */
  isHeld: boolean;
  /** How often the job and its environment were sent again. */
  resends: number;
  /** Cancels the wait for the end of a killed job. */
  endWait: (() => void) | undefined;
  readonly onCpu: (cpuUs: bigint) => void;
}

/** The channel under a link. */
export interface LinkChannel {
  readonly stream: Duplex;
  /** Resolves with the reason when the channel closes. */
  readonly closed: Promise<string>;
  close(): void;
}

/** The link to the worker on one node. */
export class NodeLink {
  /** Resolves with the worker's introduction. Stays pending if the channel closes first: see `closed`. */
  readonly ready: Promise<WorkerReady>;
  /** Resolves once, with the reason, after every pending job has ended as `lost`. */
  readonly closed: Promise<string>;
  readonly paths: readonly PathMap[];

  readonly #channel: LinkChannel;
  readonly #frames = new FrameDecoder();
  readonly #pending = new Map<number, PendingJob>();
  readonly #inspections = new Map<number, Deferred<string | undefined>>();
  readonly #ready = deferred<WorkerReady>();
  readonly #closed = deferred<string>();
  readonly #budget = new OutputBudget(MAX_HELD_BYTES);
  #sentEnvironments = new Set<number>();
  #nextJobId = 1;
  #nextInspectionId = 1;
  #pingSequence = 0;
  #unansweredPings = 0;
  #pingTimer: NodeJS.Timeout;
  #pingedAtMs = performance.now();
  #heardAtMs = performance.now();
  #isReady = false;
  #isClosed = false;

  /** @param paths - directories that have other names on this node. */
  constructor(channel: LinkChannel, paths: readonly PathMap[] = []) {
    this.paths = paths;
    this.#channel = channel;
    this.ready = this.#ready.promise;
    this.closed = this.#closed.promise;
    channel.stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    channel.stream.on('error', (cause) => this.#end(`the connection broke: ${cause.message}`));
    void channel.closed.then((why) => this.#end(why));
    this.#pingTimer = setInterval(() => this.#ping(), PING_INTERVAL_MS);
  }

  /**
   * Sends a job to the node.
   * @param onCpu - called at times with the CPU time that a long-running job has used.
   */
  run(
    job: Omit<WorkerJob, 'id' | 'environmentId'>,
    environment: NodeEnvironment,
    onCpu: (cpuUs: bigint) => void = () => undefined,
  ): RemoteRun {
    const id = this.#nextJobId;
    this.#nextJobId += 1;
    const pending: PendingJob = {
      job: { ...job, id, environmentId: environment.id },
      environment,
      end: deferred<RemoteEnd>(),
      output: new JobOutput(this.#budget),
      printedBytes: 0,
      isHeld: true,
      resends: 0,
      endWait: undefined,
      onCpu,
    };
    if (this.#isClosed) {
      pending.end.resolve({ kind: 'lost', why: 'the connection had ended', fencedAtMs: performance.now() });
    } else {
      this.#pending.set(id, pending);
      try {
        this.#sendJob(pending);
      } catch (cause) {
        // It does not fit in a frame.
        this.#pending.delete(id);
        throw cause;
      }
    }
    return { end: pending.end.promise, signal: (signal) => this.#signal(id, signal) };
  }

  #signal(id: number, signal: number): void {
    this.#send({ kind: 'kill', id, signal });
    const pending = this.#pending.get(id);
    if (!pending || signal !== SIGKILL) return;
    const tooLong = (): void => this.#end(`it did not end a job within ${KILLED_LIMIT_MS / 1_000} s after SIGKILL`);
    pending.endWait ??= startPatientTimer(KILLED_LIMIT_MS, tooLong);
  }

  /** Asks the worker about the node. Undefined when the connection ends first, or the answer is invalid. */
  inspect<I extends Inspection>(inspection: I): Promise<Findings[I['kind']] | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    const id = this.#nextInspectionId;
    this.#nextInspectionId += 1;
    const answered = deferred<string | undefined>();
    this.#inspections.set(id, answered);
    this.#send({ kind: 'inspect', id, inspection });
    return answered.promise.then((text) => {
      try {
        return text === undefined ? undefined : decodeFindings(inspection, text);
      } catch {
        return undefined;
      }
    });
  }

  /** Closes the connection; pending jobs end as `lost`. */
  close(): void {
    this.#end('closed here');
  }

  #sendJob({ job, environment }: PendingJob): void {
    if (!this.#sentEnvironments.has(environment.id)) {
      this.#sentEnvironments.add(environment.id);
      this.#send({ kind: 'environment', ...environment });
    }
    this.#send({ kind: 'job', job });
  }

  #send(request: WorkerRequest): void {
    if (this.#isClosed) return;
    // Every frame resets the worker's silence timer, so it also moves the time by which the worker is fenced.
    this.#pingedAtMs = performance.now();
    this.#channel.stream.write(encodeWorkerRequest(request));
    if (this.#channel.stream.writableLength > MAX_UNSENT_BYTES) this.#end('it does not read what it is sent');
  }

  #ping(): void {
    const now = performance.now();
    const sincePingMs = now - this.#pingedAtMs;
    // If this process itself was delayed, the answers may be waiting unread: give them one more round.
    if (sincePingMs > NODE_SILENCE_LIMIT_MS) this.#heardAtMs = now;
    if (now - this.#heardAtMs > NODE_SILENCE_LIMIT_MS) {
      this.#end(`silent for ${Math.round((now - this.#heardAtMs) / 1_000)} s`);
      return;
    }
    // Job traffic since the last ping has shown both sides that the other is alive.
    if (sincePingMs < PING_INTERVAL_MS && now - this.#heardAtMs < PING_INTERVAL_MS) return;
    this.#pingSequence = (this.#pingSequence + 1) % 0x1_0000_0000;
    this.#unansweredPings += 1;
    this.#send({ kind: 'ping', sequence: this.#pingSequence });
  }

  #receive(chunk: Buffer): void {
    this.#heardAtMs = performance.now();
    try {
      for (const frame of this.#frames.push(chunk)) this.#handle(decodeWorkerAnswer(frame));
    } catch (cause) {
      this.#end(`the worker sent an invalid reply: ${String(cause)}`);
    }
  }

  #handle(answer: WorkerAnswer): void {
    switch (answer.kind) {
      case 'ready':
        if (this.#isReady) throw new MalformedError('a second introduction');
        this.#isReady = true;
        this.#ready.resolve(answer.ready);
        return;
      case 'output':
        this.#handleOutput(answer.id, answer.fd, answer.bytes);
        return;
      case 'done':
        this.#handleDone(answer.report);
        return;
      case 'notRun':
        this.#handleNotRun(answer.id, answer.reason, answer.detail);
        return;
      case 'pong':
        // A worker that sends an unsolicited pong may not have read anything.
        if (this.#unansweredPings === 0) throw new MalformedError('a pong without a ping');
        this.#unansweredPings -= 1;
        return;
      case 'inspected':
        if (!this.#inspections.has(answer.id)) throw new MalformedError('findings that were not requested');
        this.#inspections.get(answer.id)?.resolve(answer.findings);
        this.#inspections.delete(answer.id);
        return;
      case 'cpu':
        // An unknown job may have ended before the report arrived.
        for (const { id, cpuUs } of answer.jobs) this.#pending.get(id)?.onCpu(cpuUs);
        return;
    }
  }

  #handleOutput(id: number, fd: 1 | 2, bytes: Buffer): void {
    const pending = this.#pending.get(id);
    if (!pending) throw new MalformedError('output of an unknown job');
    pending.printedBytes += bytes.length;
    if (pending.printedBytes > MAX_OUTPUT_BYTES_PER_JOB) throw new MalformedError('more output than a worker sends');
    pending.isHeld &&= pending.output.add(fd, bytes);
  }

  /** Outputs are identified by their position in the request, so a report with more or fewer of them is invalid. */
  #handleDone(report: WorkerReport): void {
    const sent = this.#pending.get(report.id)?.job.outputs.length;
    if (sent === undefined) throw new MalformedError('the end of an unknown job');
    if (report.outputs.length !== sent) {
      this.#end(`its worker is broken: it reported ${report.outputs.length} outputs of a job that has ${sent}`);
      return;
    }
    this.#settle(report.id, ({ output, isHeld, job }) =>
      isHeld ? { kind: 'done', report, output } : { kind: 'notRun', reason: 'output-too-large', detail: job.program },
    );
  }

  #handleNotRun(id: number, reason: NotRunReason, detail: string): void {
    const pending = this.#pending.get(id);
    if (!pending) throw new MalformedError('the return of an unknown job');
    if (reason === 'environment-unknown' && pending.resends < MAX_RESENDS) {
      // The worker has evicted the environment from its bounded store: send it again, followed by the job.
      pending.resends += 1;
      this.#sentEnvironments.delete(pending.environment.id);
      this.#sendJob(pending);
      return;
    }
    this.#settle(id, () => ({ kind: 'notRun', reason, detail }));
  }

  #settle(id: number, toEnd: (pending: PendingJob) => RemoteEnd): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    pending.endWait?.();
    const end = toEnd(pending);
    if (end.kind !== 'done') pending.output.release();
    pending.end.resolve(end);
  }

  #end(why: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#pingTimer);
    this.#channel.close();
    const fencedAtMs = this.#pingedAtMs + WORKER_SILENCE_LIMIT_MS + FENCE_MARGIN_MS;
    for (const id of [...this.#pending.keys()]) this.#settle(id, () => ({ kind: 'lost', why, fencedAtMs }));
    for (const answered of this.#inspections.values()) answered.resolve(undefined);
    this.#inspections.clear();
    this.#closed.resolve(why);
  }
}
