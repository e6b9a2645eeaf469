/**
 * Protocol between dispatcher and worker, over one ssh channel that lasts as long as the worker. Many jobs share it,
 * told apart by id.
 *
 * Version range: exactly WORKER_PROTOCOL_VERSION, checked in `ready`. The worker is started from the same release, so a
 * mismatch is an installation fault, and the node is refused with that reason. A changed meaning takes a new version;
 * otherwise only append.
 *
 * The worker's first bytes are WORKER_PREAMBLE; anything that a login shell's rc files print before it is skipped.
 *
 * Frames that occur several times per job are binary and decoded by hand with a bound for each list and text: a schema
 * would make a second pass over all of it. Rare frames are JSON and checked against a schema.
 */
import * as v from 'valibot';
import { ByteReader, ByteWriter, MalformedError } from '../util/bytes.ts';
import { checkJson, describeJsonFailure, parseJson } from '../util/parse-json.ts';
import { encodeFrame, type Frame } from './frame.ts';
import type { Inspection } from './inspection.ts';
import { decodeInspection } from './inspection-schema.ts';
import { readStreams, writeStreams, type Streams } from './streams.ts';
import { isDeadlySignal, type Termination } from './termination.ts';

/** The only version that a dispatcher accepts. */
export const WORKER_PROTOCOL_VERSION = 4;
/** Marks the start of the worker's output. */
export const WORKER_PREAMBLE = Buffer.from('\u0000pmake-worker\u0000', 'utf8');
/** A noisy rc file prints a page at most. If more than this precedes the preamble, the program is not our worker. */
export const MAX_PREAMBLE_SKIP_BYTES = 64 * 1024;
/**
 * Ping interval of a dispatcher that has nothing else to send; any frame counts as a sign of life. Each ping wakes four
 * processes, including sshd, on hosts that have better things to do.
 */
export const PING_INTERVAL_MS = 2_000;
/** A worker that hears nothing for this long kills its jobs and exits: its dispatcher is gone or unreachable. */
export const WORKER_SILENCE_LIMIT_MS = 8_000;
/**
 * A dispatcher gives up a silent node after this; it is longer than the worker's limit, so that no job runs twice at
 * once.
 */
export const NODE_SILENCE_LIMIT_MS = 12_000;
/**
 * Limit for the output of one job, which the worker buffers. A job that prints more is run locally, where it can
 * stream. A worker that sends more is broken.
 */
export const MAX_OUTPUT_BYTES_PER_JOB = 64 * 1024 * 1024;
/** Limit for the detail with which a worker rejects a job; the longest have a path and an error. */
const MAX_DETAIL_BYTES = 16 * 1024;
/** Limit for the paths in one of a job's lists. A compile writes a handful. */
export const MAX_FILES_PER_JOB = 1_000;
const MAX_WORDS_PER_JOB = 200_000;
/** NGROUPS_MAX of Linux. */
const MAX_GROUPS = 65_536;
/** Eight times the maximum that Linux can be built for. */
const MAX_CORES = 65_536;
/** Interval of the worker's reports on the CPU time of jobs that have been running for at least as long. */
export const CPU_REPORT_INTERVAL_MS = 10_000;
/** Limit for the jobs in one such report: more than any node has slots. */
const MAX_JOBS_PER_REPORT = 4_096;
/** Limit for a job's stamps: it has one for each tree, compiler and directory that it needs. */
export const MAX_STAMPS_PER_JOB = 1_000;
/** Limit for the directories in one job's list, which may be all that a dispatcher watches. */
export const MAX_DIRECTORIES_PER_JOB = 10_000;

/** Frame types, dispatcher → worker. */
const ToWorker = { environment: 0x22, job: 0x23, kill: 0x24, ping: 0x25, inspect: 0x26 } as const;
/** Frame types, worker → dispatcher. */
const FromWorker = {
  ready: 0x31,
  output: 0x32,
  done: 0x33,
  notRun: 0x34,
  pong: 0x35,
  inspected: 0x36,
  cpu: 0x37,
} as const;

/** A piece of compiler output, in order of arrival. */
export interface OutputChunk {
  readonly fd: 1 | 2;
  readonly bytes: Buffer;
}

/** A regular file as reported by stat(2): size in bytes, mtime in nanoseconds since the epoch. */
export interface FileStamp {
  readonly path: string;
  readonly sizeBytes: bigint;
  readonly mtimeNs: bigint;
}

/** The state of one of a job's output paths after its end. */
export type FileState =
  { readonly present: true; readonly sizeBytes: bigint; readonly mtimeNs: bigint } | { readonly present: false };

/** Two names of one directory, absolute and without a trailing slash. */
export interface DirectoryNames {
  readonly local: string;
  readonly remote: string;
}

/** How a node removes its own directory names from what a compiler wrote (command/restore.ts). */
export interface NameRestore {
  /** The prefix of names that were made absolute. No output may contain it in the end. */
  readonly prefix: string;
  /** The main source as the compiler was given it: always the first prerequisite in a depfile. */
  readonly source: string;
  /** The depfiles among the outputs. */
  readonly depfiles: readonly string[];
  /** Directories with a different name on the node; the longest remote name comes first. */
  readonly back: readonly DirectoryNames[];
}

/**
 * The inherited attributes and environment. Hundreds of jobs share them, so they are sent once and referenced by an id.
 */
export interface JobEnvironment {
  /** Encoded by inherited.ts. */
  readonly inherited: Buffer;
  /** NUL-terminated entries, normally `NAME=value`. */
  readonly block: Buffer;
}

/** One compile for a worker. */
export interface WorkerJob {
  readonly id: number;
  /** The id of an environment that was sent earlier. */
  readonly environmentId: number;
  readonly umask: number;
  readonly streams: Streams;
  readonly cwd: string;
  /**
   * The compiler, as an absolute path. It is also argv[0], because otherwise gcc would look for cc1 next to our shim.
   */
  readonly program: string;
  /** The arguments, without argv[0]. */
  readonly argv: readonly string[];
  /** Sources as the submit host sees them. If the worker sees a different file, it does not have the same tree. */
  readonly sources: readonly FileStamp[];
  /** Paths to stat after the job. */
  readonly outputs: readonly string[];
  /** The outputs have unique names, and are removed if the dispatcher does not collect them. */
  readonly isStaged: boolean;
  /**
   * Members of `outputs` that must exist as empty files before the compiler starts: what it does to them shows what it
   * would do to the real ones.
   */
  readonly placeholders: readonly string[];
  /**
   * Directories that changed since the last job was sent. The worker revalidates them before it starts this job or a
   * later one.
   */
  readonly changed: readonly string[];
  /** Undefined if no name was rewritten. */
  readonly restore: NameRestore | undefined;
  /**
   * Stamps of the findings (inspection.ts) that the job relies on. If one of them no longer holds, the job must not
   * run.
   */
  readonly stamps: readonly string[];
}

/** Resource usage and outputs of a finished job. */
export interface WorkerReport {
  readonly id: number;
  readonly termination: Termination;
  readonly cpuUserUs: bigint;
  readonly cpuSystemUs: bigint;
  readonly maxRssKiB: number;
  /** One for each of the job's outputs, in the same order. */
  readonly outputs: readonly FileState[];
}

/** CPU time of a job that is still running, user and system combined. */
export interface JobCpu {
  readonly id: number;
  readonly cpuUs: bigint;
}

/** Why a worker did not run a job. The job is retried elsewhere; the node may be at fault. */
export const NOT_RUN_REASONS = [
  'cwd-missing',
  'program-missing',
  'source-differs',
  'environment-unknown',
  'spawn-failed',
  'output-too-large',
  'restore-failed',
  'names-left',
  'limit-too-low',
  'no-terminal',
  'compiler-changed',
  'mounts-changed',
  'contents-changed',
  'stamp-unknown',
] as const;
/** One of NOT_RUN_REASONS. */
export type NotRunReason = (typeof NOT_RUN_REASONS)[number];

/** Messages to the worker. */
export type WorkerRequest =
  | ({ readonly kind: 'environment'; readonly id: number } & JobEnvironment)
  | { readonly kind: 'job'; readonly job: WorkerJob }
  | { readonly kind: 'kill'; readonly id: number; readonly signal: number }
  | { readonly kind: 'ping'; readonly sequence: number }
  | { readonly kind: 'inspect'; readonly id: number; readonly inspection: Inspection };

/** The worker's description of itself, its first message. */
export interface WorkerReady {
  readonly protocol: number;
  readonly pmakeVersion: string;
  readonly nodeVersion: string;
  readonly hostname: string;
  readonly cores: number;
  readonly uid: number;
  readonly gid: number;
  /** The supplementary groups. */
  readonly groups: readonly number[];
  /** Free space in /tmp, where compilers keep their temporary files. */
  readonly temporaryBytes: number;
}

const shortText = v.pipe(v.string(), v.maxLength(1_000));
/** -1 if the system does not tell. */
const id = v.pipe(v.number(), v.integer(), v.minValue(-1), v.maxValue(2 ** 32 - 1));
const INTRODUCTION = v.object({
  protocol: v.pipe(v.number(), v.integer()),
  pmakeVersion: shortText,
  nodeVersion: shortText,
  hostname: shortText,
  cores: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_CORES)),
  uid: id,
});
const READY: v.GenericSchema<unknown, WorkerReady> = v.object({
  ...INTRODUCTION.entries,
  gid: id,
  groups: v.pipe(v.array(id), v.maxLength(MAX_GROUPS)),
  temporaryBytes: v.pipe(v.number(), v.finite()),
});
const UNTOLD = { gid: -1, groups: [], temporaryBytes: 0 } as const;

/** Messages from the worker. */
export type WorkerAnswer =
  | { readonly kind: 'ready'; readonly ready: WorkerReady }
  | { readonly kind: 'output'; readonly id: number; readonly fd: 1 | 2; readonly bytes: Buffer }
  | { readonly kind: 'done'; readonly report: WorkerReport }
  | { readonly kind: 'notRun'; readonly id: number; readonly reason: NotRunReason; readonly detail: string }
  | { readonly kind: 'pong'; readonly sequence: number }
  /** `findings` is JSON; decodeFindings needs the inspection to decode it. */
  | { readonly kind: 'inspected'; readonly id: number; readonly findings: string }
  | { readonly kind: 'cpu'; readonly jobs: readonly JobCpu[] };

/** Encodes a message to the worker. */
export function encodeWorkerRequest(request: WorkerRequest): Buffer {
  switch (request.kind) {
    case 'environment':
      return encodeFrame(
        ToWorker.environment,
        new ByteWriter().u32(request.id).bytes(request.inherited).raw(request.block).finish(),
      );
    case 'job':
      return encodeFrame(ToWorker.job, encodeJob(request.job));
    case 'kill':
      return encodeFrame(ToWorker.kill, new ByteWriter().u32(request.id).u8(request.signal).finish());
    case 'ping':
      return encodeFrame(ToWorker.ping, new ByteWriter().u32(request.sequence).finish());
    case 'inspect':
      return encodeFrame(
        ToWorker.inspect,
        new ByteWriter().u32(request.id).text(JSON.stringify(request.inspection)).finish(),
      );
  }
}

/** @throws MalformedError for anything that encodeWorkerRequest does not write */
export function decodeWorkerRequest(frame: Frame): WorkerRequest {
  const reader = new ByteReader(frame.payload);
  switch (frame.type) {
    case ToWorker.environment:
      return { kind: 'environment', id: reader.u32(), inherited: reader.bytes(), block: reader.rest() };
    case ToWorker.job:
      return { kind: 'job', job: decodeJob(reader) };
    case ToWorker.kill:
      return { kind: 'kill', id: reader.u32(), signal: reader.u8() };
    case ToWorker.ping:
      return { kind: 'ping', sequence: reader.u32() };
    case ToWorker.inspect:
      return { kind: 'inspect', id: reader.u32(), inspection: decodeInspection(reader.text()) };
    default:
      throw new MalformedError(`request type ${frame.type}`);
  }
}

/** Encodes a message from the worker. */
export function encodeWorkerAnswer(answer: WorkerAnswer): Buffer {
  switch (answer.kind) {
    case 'ready':
      return encodeFrame(FromWorker.ready, Buffer.from(JSON.stringify(answer.ready), 'utf8'));
    case 'output':
      return encodeFrame(FromWorker.output, new ByteWriter().u32(answer.id).u8(answer.fd).raw(answer.bytes).finish());
    case 'done':
      return encodeFrame(FromWorker.done, encodeReport(answer.report));
    case 'notRun': {
      const reason = NOT_RUN_REASONS.indexOf(answer.reason);
      const detail = Buffer.from(answer.detail).subarray(0, MAX_DETAIL_BYTES);
      return encodeFrame(FromWorker.notRun, new ByteWriter().u32(answer.id).u8(reason).bytes(detail).finish());
    }
    case 'pong':
      return encodeFrame(FromWorker.pong, new ByteWriter().u32(answer.sequence).finish());
    case 'inspected':
      return encodeFrame(FromWorker.inspected, new ByteWriter().u32(answer.id).text(answer.findings).finish());
    case 'cpu':
      return encodeFrame(FromWorker.cpu, encodeCpu(answer.jobs));
  }
}

/** @throws MalformedError for anything that encodeWorkerAnswer does not write */
export function decodeWorkerAnswer(frame: Frame): WorkerAnswer {
  const reader = new ByteReader(frame.payload);
  switch (frame.type) {
    case FromWorker.ready:
      return { kind: 'ready', ready: decodeReady(frame.payload) };
    case FromWorker.output: {
      const id = reader.u32();
      return { kind: 'output', id, fd: reader.u8() === 1 ? 1 : 2, bytes: reader.rest() };
    }
    case FromWorker.done:
      return { kind: 'done', report: decodeReport(reader) };
    case FromWorker.notRun: {
      const id = reader.u32();
      const reason = NOT_RUN_REASONS[reader.u8()];
      if (!reason) throw new MalformedError('unknown reason');
      const detail = reader.bytes();
      if (detail.length > MAX_DETAIL_BYTES) throw new MalformedError(`a reason of ${detail.length} bytes`);
      return { kind: 'notRun', id, reason, detail: detail.toString('utf8') };
    }
    case FromWorker.pong:
      return { kind: 'pong', sequence: reader.u32() };
    case FromWorker.inspected:
      return { kind: 'inspected', id: reader.u32(), findings: reader.text() };
    case FromWorker.cpu:
      return { kind: 'cpu', jobs: decodeCpu(reader) };
    default:
      throw new MalformedError(`answer type ${frame.type}`);
  }
}

/** Encodes the oldest jobs; those beyond the limit of one report are omitted. */
function encodeCpu(all: readonly JobCpu[]): Buffer {
  const jobs = all.slice(0, MAX_JOBS_PER_REPORT);
  const writer = new ByteWriter().u32(jobs.length);
  for (const { id, cpuUs } of jobs) writer.u32(id).u64(cpuUs);
  return writer.finish();
}

function decodeCpu(reader: ByteReader): JobCpu[] {
  const jobs = readList(reader, MAX_JOBS_PER_REPORT, () => ({ id: reader.u32(), cpuUs: reader.u64() }));
  if (reader.remaining > 0) throw new MalformedError('more than CPU times');
  return jobs;
}

function encodeJob(job: WorkerJob): Buffer {
  const writer = new ByteWriter().u32(job.id).u32(job.environmentId).u32(job.umask);
  writeStreams(writer, job.streams).text(job.cwd).text(job.program);
  writeTexts(writer, job.argv);
  writer.u32(job.sources.length);
  for (const source of job.sources) writeStamp(writer, source);
  writeTexts(writer, job.outputs);
  writer.u8(job.isStaged ? 1 : 0);
  writeTexts(writer, job.placeholders);
  writeTexts(writer, job.changed);
  writeRestore(writer, job.restore);
  writeTexts(writer, job.stamps);
  return writer.finish();
}

function decodeJob(reader: ByteReader): WorkerJob {
  const [id, environmentId, umask] = [reader.u32(), reader.u32(), reader.u32()];
  const streams = readStreams(reader);
  const [cwd, program] = [reader.text(), reader.text()];
  const words = readList(reader, MAX_WORDS_PER_JOB, () => reader.text());
  const sources = readList(reader, MAX_FILES_PER_JOB, () => readStamp(reader));
  const outputs = readList(reader, MAX_FILES_PER_JOB, () => reader.text());
  const isStaged = reader.u8() === 1;
  const placeholders = readList(reader, MAX_FILES_PER_JOB, () => reader.text());
  const changed = readList(reader, MAX_DIRECTORIES_PER_JOB, () => reader.text());
  const restore = readRestore(reader);
  return {
    id,
    environmentId,
    umask,
    streams,
    cwd,
    program,
    argv: words,
    sources,
    outputs,
    isStaged,
    placeholders,
    changed,
    restore,
    stamps: readList(reader, MAX_STAMPS_PER_JOB, () => reader.text()),
  };
}

function encodeReport(report: WorkerReport): Buffer {
  const { termination } = report;
  const writer = new ByteWriter().u32(report.id);
  if (termination.kind === 'exited') writer.u8(0).u8(termination.code);
  else writer.u8(1).u8(termination.signal);
  writer.u64(report.cpuUserUs).u64(report.cpuSystemUs).u32(report.maxRssKiB).u32(report.outputs.length);
  for (const output of report.outputs) {
    writer.u8(output.present ? 1 : 0);
    if (output.present) writer.u64(output.sizeBytes).i64(output.mtimeNs);
  }
  return writer.finish();
}

function decodeReport(reader: ByteReader): WorkerReport {
  const id = reader.u32();
  const kind = reader.u8();
  const value = reader.u8();
  const termination: Termination = kind === 0 ? { kind: 'exited', code: value } : { kind: 'signalled', signal: value };
  if (termination.kind === 'signalled' && !isDeadlySignal(value)) throw new MalformedError(`ended by signal ${value}`);
  const [cpuUserUs, cpuSystemUs, maxRssKiB] = [reader.u64(), reader.u64(), reader.u32()];
  const outputs = readList(reader, MAX_FILES_PER_JOB, (): FileState =>
    reader.u8() === 1 ? { present: true, sizeBytes: reader.u64(), mtimeNs: reader.i64() } : { present: false },
  );
  return { id, termination, cpuUserUs, cpuSystemUs, maxRssKiB, outputs };
}

function decodeReady(payload: Buffer): WorkerReady {
  const json = parseJson(payload.toString('utf8'), v.unknown());
  if (!json.ok) throw new MalformedError(`ready: ${describeJsonFailure(json.failure)}`);
  const introduced = checkJson(json.value, INTRODUCTION);
  if (!introduced.ok) throw new MalformedError(`ready: ${describeJsonFailure(introduced.failure)}`);
  // From another release, only the version matters.
  if (introduced.value.protocol !== WORKER_PROTOCOL_VERSION) return { ...introduced.value, ...UNTOLD };
  const ready = checkJson(json.value, READY);
  if (!ready.ok) throw new MalformedError(`ready: ${describeJsonFailure(ready.failure)}`);
  return ready.value;
}

function writeStamp(writer: ByteWriter, stamp: FileStamp): void {
  writer.text(stamp.path).u64(stamp.sizeBytes).i64(stamp.mtimeNs);
}

function readStamp(reader: ByteReader): FileStamp {
  return { path: reader.text(), sizeBytes: reader.u64(), mtimeNs: reader.i64() };
}

function writeRestore(writer: ByteWriter, restore: NameRestore | undefined): void {
  writer.u8(restore ? 1 : 0);
  if (!restore) return;
  writer.text(restore.prefix).text(restore.source);
  writeTexts(writer, restore.depfiles);
  writeTexts(
    writer,
    restore.back.flatMap(({ local, remote }) => [local, remote]),
  );
}

function readRestore(reader: ByteReader): NameRestore | undefined {
  if (reader.u8() === 0) return undefined;
  const [prefix, source] = [reader.text(), reader.text()];
  const depfiles = readList(reader, MAX_FILES_PER_JOB, () => reader.text());
  const names = readList(reader, MAX_FILES_PER_JOB, () => reader.text());
  if (prefix === '' || names.length % 2 !== 0) throw new MalformedError('a restore that names nothing');
  const back = Array.from({ length: names.length / 2 }, (_, index) => {
    return { local: names[2 * index] ?? '', remote: names[2 * index + 1] ?? '' };
  });
  return { prefix, source, depfiles, back };
}

function writeTexts(writer: ByteWriter, texts: readonly string[]): void {
  writer.u32(texts.length);
  for (const text of texts) writer.text(text);
}

function readList<T>(reader: ByteReader, limit: number, readOne: () => T): T[] {
  const count = reader.u32();
  if (count > limit) throw new MalformedError(`a list of ${count}, the limit is ${limit}`);
  return Array.from({ length: count }, readOne);
}
