/**
 * Tally of the jobs of one build: what became of each, for the summary, `pmakectl explain` and the saved report. Pure;
 * unaware of which build it is and of when it ends.
 */
import type { BuildReport, IdleJob, JobRecord } from '../../protocol/control.ts';
import type { RetryReason } from '../reasons.ts';

/** Limits on the newest records kept of one build, by count and by size as JSON: a frame holds 4 MiB. */
const MAX_RECORDS_PER_BUILD = 10_000;
const MAX_RECORDS_BYTES = 3 * 1024 * 1024;
/** Size of a record without its names. */
const RECORD_BYTES = 200;
/** Limit on a build's jobs that used no CPU for a while: more than a user examines. */
const MAX_IDLE_PER_BUILD = 100;

/** The part of a build's report that counts jobs. */
export type JobCounts = Omit<
  BuildReport,
  'buildId' | 'startedAtMs' | 'wallMs' | 'nodesConfigured' | 'problems' | 'records'
>;

/** Counts and records of a build's jobs. */
export class JobTally {
  #here = 0;
  readonly #byNode = new Map<string, number>();
  readonly #hereReasons = new Map<string, number>();
  readonly #hereDetails = new Map<string, string>();
  readonly #retryReasons = new Map<string, number>();
  readonly #records: JobRecord[] = [];
  #recordBytes = 0;
  #visibleWaitMaxMs = 0;
  #visibleWaitSumMs = 0;
  #slowServerMs = 0;
  #startedTwice = 0;
  readonly #idle = new Map<string, IdleJob>();
  /** The newest values only. */
  readonly #visibleWaitsMs: number[] = [];

  /** Number of jobs that ended. */
  get finished(): number {
    return this.#here + sum(this.#byNode);
  }

  /** A job ended. */
  add(record: JobRecord): void {
    if (record.where === 'here') {
      this.#here += 1;
      count(this.#hereReasons, record.reason);
      const { reason, detail } = record;
      if (detail !== undefined && !this.#hereDetails.has(reason)) this.#hereDetails.set(reason, detail);
    } else {
      count(this.#byNode, record.where);
    }
    this.#records.push(record);
    this.#recordBytes += sizeOf(record);
    while (this.#records.length > MAX_RECORDS_PER_BUILD || this.#recordBytes > MAX_RECORDS_BYTES) {
      const oldest = this.#records.shift();
      if (!oldest) return;
      this.#recordBytes -= sizeOf(oldest);
    }
  }

  /** A job was started again. */
  addRetry(reason: RetryReason): void {
    count(this.#retryReasons, reason);
  }

  /** The outputs of a job became visible on this host after that time. */
  addVisibleWait(waitedMs: number): void {
    this.#visibleWaitMaxMs = Math.max(this.#visibleWaitMaxMs, waitedMs);
    this.#visibleWaitSumMs += waitedMs;
    this.#visibleWaitsMs.push(waitedMs);
    if (this.#visibleWaitsMs.length > MAX_RECORDS_PER_BUILD) this.#visibleWaitsMs.shift();
  }

  /** A job was started on a second node as well. */
  noteSecondStart(): void {
    this.#startedTwice += 1;
  }

  /** Idempotent: a job that stays idle is reported once. */
  noteIdle(job: IdleJob): void {
    if (this.#idle.size < MAX_IDLE_PER_BUILD) this.#idle.set(`${job.node}\0${job.file}`, job);
  }

  /** Jobs waited this long because the file server was slow. */
  noteSlowServer(forMs: number): void {
    this.#slowServerMs += forMs;
  }

  /** The counts, in whole milliseconds. */
  counts(): JobCounts {
    return {
      here: this.#here,
      there: sum(this.#byNode),
      byNode: Object.fromEntries(this.#byNode),
      retries: sum(this.#retryReasons),
      hereReasons: Object.fromEntries(this.#hereReasons),
      hereDetails: Object.fromEntries(this.#hereDetails),
      retryReasons: Object.fromEntries(this.#retryReasons),
      visibleWaitMaxMs: Math.round(this.#visibleWaitMaxMs),
      visibleWaitSumMs: Math.round(this.#visibleWaitSumMs),
      slowServerMs: this.#slowServerMs,
      startedTwice: this.#startedTwice,
      ...(this.#idle.size > 0 ? { idle: [...this.#idle.values()] } : {}),
      visibleWaitP95Ms: Math.round(percentile95(this.#visibleWaitsMs)),
    };
  }

  /** The newest records; with `file`, only those whose file ends in it. */
  records(file?: string): readonly JobRecord[] {
    return file === undefined ? this.#records : this.#records.filter((record) => isFile(record.file, file));
  }
}

/** Upper bound of the record's size as JSON: every byte of a name may need an escape. */
function sizeOf({ file, name, where, reason, detail = '' }: JobRecord): number {
  return RECORD_BYTES + 2 * (Buffer.byteLength(file) + name.length + where.length + reason.length + detail.length);
}

function percentile95(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(0.95 * sorted.length)] ?? 0;
}

function isFile(recorded: string, asked: string): boolean {
  return recorded === asked || recorded.endsWith(`/${asked}`);
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const value of counts.values()) total += value;
  return total;
}
