/**
 * Dispatcher ↔ worker, over one ssh channel for the node's whole life: many jobs at once, told apart by id.
 *
 * Version range: exactly WORKER_PROTOCOL_VERSION, checked in `ready`; the worker is started from the same
 * release, so a mismatch is an installation fault and the node is refused with that reason.
 * Only append: a changed meaning is a new version.
 *
 * The worker's first bytes are WORKER_PREAMBLE: what a login shell's rc files print before it is skipped.
 *
 * What a job costs several frames of is binary and read by hand, each list and text within its bound: a schema would have
 * to look at all of it once more. What is said once is JSON and held to a schema.
 */
import * as v from 'valibot';
import { ByteReader, ByteWriter, MalformedError } from '../util/bytes.ts';
import { checkJson, parseJson } from '../util/parse-json.ts';
import { encodeFrame, type Frame } from './frame.ts';
import type { Inspection } from './inspection.ts';
import { decodeInspection } from './inspection-schema.ts';
import { readStreams, writeStreams, type Streams } from './streams.ts';
import type { Termination } from './termination.ts';

export const WORKER_PROTOCOL_VERSION = 4;
export const WORKER_PREAMBLE = Buffer.from('\u0000pmake-worker\u0000', 'utf8');
/** A noisy rc file prints a page at most; more than this before the preamble is not our worker. */
export const MAX_PREAMBLE_SKIP_BYTES = 64 * 1024;
/**
 * The dispatcher pings this often where nothing else is said; any frame counts as a sign of life. Each ping wakes four
 * processes, sshd and its like included, on hosts that have better things to do.
 */
export const PING_INTERVAL_MS = 2_000;
/** A worker that heard nothing for this long kills its jobs and ends: its dispatcher is gone or cut off. */
export const WORKER_SILENCE_LIMIT_MS = 8_000;
/** The dispatcher gives a silent node up after this; later than the worker, so that no job runs twice at once. */
export const NODE_SILENCE_LIMIT_MS = 12_000;
/**
 * What a job may print, as it is sent. More, and the job goes home, where it can stream: the worker holds it in memory. A
 * worker that sends more is broken.
 */
export const MAX_OUTPUT_BYTES_PER_JOB = 64 * 1024 * 1024;
/** Of the words with which a worker sends a job back; the longest have a path and an error. */
const MAX_DETAIL_BYTES = 16 * 1024;
/** Paths in one job's lists. A compile writes a handful. */
export const MAX_FILES_PER_JOB = 1_000;
const MAX_WORDS_PER_JOB = 200_000;
/** NGROUPS_MAX of Linux. */
const MAX_GROUPS = 65_536;
/** Eight times what Linux can be built for. */
const MAX_CORES = 65_536;
/** The worker says this often what each job has used that has been running for as long. */
export const CPU_REPORT_INTERVAL_MS = 10_000;
/** Jobs in one such report: more than any node has slots. */
const MAX_JOBS_PER_REPORT = 4_096;
/** Stamps in one job's list: one for each tree, compiler and directory that it needs. */
export const MAX_STAMPS_PER_JOB = 1_000;
/** Directories in one job's list: all that a dispatcher watches. */
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

/** A piece of what a compiler printed, in the order in which it came. */
export interface OutputChunk {
  readonly fd: 1 | 2;
  readonly bytes: Buffer;
}

/** A regular file as stat(2) shows it: size in bytes, mtime in nanoseconds since the epoch. */
export interface FileStamp {
  readonly path: string;
  readonly sizeBytes: bigint;
  readonly mtimeNs: bigint;
}

/** What a job left at one of its output paths: a regular file, or none. */
export type FileState =
  { readonly present: true; readonly sizeBytes: bigint; readonly mtimeNs: bigint } | { readonly present: false };

/** Two names of one directory, absolute and without a slash at the end. */
export interface DirectoryNames {
  readonly here: string;
  readonly there: string;
}

/** How a node takes its own names out of what a compiler wrote there (command/restore.ts). */
export interface NameRestore {
  /** What names begin with that were made absolute. No output may hold it in the end. */
  readonly prefix: string;
  /** The main source as the compiler was given it: always the first prerequisite of a depfile. */
  readonly source: string;
  /** The depfiles among the outputs. */
  readonly depfiles: readonly string[];
  /** Directories that the node has under other names; the longest name there first. */
  readonly back: readonly DirectoryNames[];
}

/** What jobs inherit. It is the same for hundreds of them, so it is sent once and named by an id. */
export interface JobEnvironment {
  /** As inherited.ts encodes it. */
  readonly inherited: Buffer;
  /** NUL-terminated entries, `NAME=value` as a rule. */
  readonly block: Buffer;
}

/** One compile for a worker. */
export interface WorkerJob {
  readonly id: number;
  /** An environment sent earlier with this id. */
  readonly environmentId: number;
  readonly umask: number;
  readonly streams: Streams;
  readonly cwd: string;
  /** The compiler, an absolute path; also argv[0], or gcc would look for cc1 beside our shim. */
  readonly program: string;
  readonly words: readonly string[];
  /** Sources as the submit host sees them: the worker sees another file, it is not the same tree. */
  readonly sources: readonly FileStamp[];
  /** Paths to stat after the end. */
  readonly outputs: readonly string[];
  /** Outputs have names that no other file has: they are removed when the dispatcher does not collect them. */
  readonly isStaged: boolean;
  /** Those of `outputs` to be there, empty, before the compiler starts: what it does to them tells what it would do. */
  readonly placeholders: readonly string[];
  /**
   * Directories that changed since the last job that was sent: the worker looks at them again before it starts this job
   * or one that comes after it.
   */
  readonly changed: readonly string[];
  /** Undefined where no name was rewritten. */
  readonly restore: NameRestore | undefined;
  /** Of findings (inspection.ts) that the job was sent for: where one of them does not hold any longer, it must not run. */
  readonly stamps: readonly string[];
}

/** What a finished job used and left. */
export interface WorkerReport {
  readonly id: number;
  readonly termination: Termination;
  readonly cpuUserUs: bigint;
  readonly cpuSystemUs: bigint;
  readonly maxRssKiB: number;
  /** In the order of the job's outputs, and as many. */
  readonly outputs: readonly FileState[];
}

/** What a job that is still running has used so far, user and system together. */
export interface JobCpu {
  readonly id: number;
  readonly cpuUs: bigint;
}

/** Why a worker did not run a job; the job goes elsewhere, the node may be at fault. */
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
export type NotRunReason = (typeof NOT_RUN_REASONS)[number];

export type WorkerRequest =
  | ({ readonly kind: 'environment'; readonly id: number } & JobEnvironment)
  | { readonly kind: 'job'; readonly job: WorkerJob }
  | { readonly kind: 'kill'; readonly id: number; readonly signal: number }
  | { readonly kind: 'ping'; readonly sequence: number }
  | { readonly kind: 'inspect'; readonly id: number; readonly inspection: Inspection };

/** What the worker says of itself, first of all. */
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
  /** Free in /tmp, where compilers keep what they are not done with. */
  readonly temporaryBytes: number;
}

const shortText = v.pipe(v.string(), v.maxLength(1_000));
/** -1 where the system does not tell. */
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

export type WorkerAnswer =
  | { readonly kind: 'ready'; readonly ready: WorkerReady }
  | { readonly kind: 'output'; readonly id: number; readonly fd: 1 | 2; readonly bytes: Buffer }
  | { readonly kind: 'done'; readonly report: WorkerReport }
  | { readonly kind: 'notRun'; readonly id: number; readonly reason: NotRunReason; readonly detail: string }
  | { readonly kind: 'pong'; readonly sequence: number }
  /** `findings`: JSON; decodeFindings reads it, with what was asked. */
  | { readonly kind: 'inspected'; readonly id: number; readonly findings: string }
  | { readonly kind: 'cpu'; readonly jobs: readonly JobCpu[] };

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

/** @throws MalformedError for anything that encodeWorkerRequest does not write. */
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

/** @throws MalformedError for anything that encodeWorkerAnswer does not write. */
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

/** The oldest jobs first: those that one report has no room for are not told of. */
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
  writeTexts(writer, job.words);
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
    words,
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
  const [cpuUserUs, cpuSystemUs, maxRssKiB] = [reader.u64(), reader.u64(), reader.u32()];
  const outputs = readList(reader, MAX_FILES_PER_JOB, (): FileState =>
    reader.u8() === 1 ? { present: true, sizeBytes: reader.u64(), mtimeNs: reader.i64() } : { present: false },
  );
  return { id, termination, cpuUserUs, cpuSystemUs, maxRssKiB, outputs };
}

function decodeReady(payload: Buffer): WorkerReady {
  const json = parseJson(payload.toString('utf8'), v.unknown());
  if (!json.ok) throw new MalformedError(`ready: ${json.failure}`);
  const introduced = checkJson(json.value, INTRODUCTION);
  if (!introduced.ok) throw new MalformedError(`ready: ${introduced.failure}`);
  // Of another release nothing more is needed than to say so.
  if (introduced.value.protocol !== WORKER_PROTOCOL_VERSION) return { ...introduced.value, ...UNTOLD };
  const ready = checkJson(json.value, READY);
  if (!ready.ok) throw new MalformedError(`ready: ${ready.failure}`);
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
    restore.back.flatMap(({ here, there }) => [here, there]),
  );
}

function readRestore(reader: ByteReader): NameRestore | undefined {
  if (reader.u8() === 0) return undefined;
  const [prefix, source] = [reader.text(), reader.text()];
  const depfiles = readList(reader, MAX_FILES_PER_JOB, () => reader.text());
  const names = readList(reader, MAX_FILES_PER_JOB, () => reader.text());
  if (prefix === '' || names.length % 2 !== 0) throw new MalformedError('a restore that names nothing');
  const back = Array.from({ length: names.length / 2 }, (_, index) => {
    return { here: names[2 * index] ?? '', there: names[2 * index + 1] ?? '' };
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
