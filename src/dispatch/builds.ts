/**
 * Counts what every build's jobs did, for the summary, `pmakectl explain` and the saved last report.
 * Pure but for the clock handed in; unaware of sockets and files.
 */
import type { BuildReport, JobRecord } from '../protocol/control.ts';
import type { RetryReason } from './job.ts';

/** Newest records kept of one build: a frame holds 4 MiB, a record is some 200 bytes. */
const MAX_RECORDS_PER_BUILD = 10_000;
/** Builds remembered while the dispatcher lives. */
const MAX_BUILDS = 32;

export class Build {
  readonly id: string;
  readonly #startedAtMs: number;
  readonly #startedMs: number;
  #endedMs: number;
  #here = 0;
  readonly #byNode = new Map<string, number>();
  readonly #hereReasons = new Map<string, number>();
  readonly #retryReasons = new Map<string, number>();
  readonly #records: JobRecord[] = [];
  #visibleWaitMaxMs = 0;
  #visibleWaitSumMs = 0;
  readonly problems = new Set<string>();
  nodesConfigured = 0;

  constructor(id: string, startedAtMs: number, nowMs: number) {
    this.id = id;
    this.#startedAtMs = startedAtMs;
    this.#startedMs = nowMs;
    this.#endedMs = nowMs;
  }

  get finished(): number {
    return this.#here + sum(this.#byNode);
  }

  /** When the last job ended, on the caller's clock. */
  get endedMs(): number {
    return this.#endedMs;
  }

  addRecord(record: JobRecord, nowMs: number): void {
    this.#endedMs = nowMs;
    if (record.where === 'here') {
      this.#here += 1;
      count(this.#hereReasons, record.reason);
    } else {
      count(this.#byNode, record.where);
    }
    this.#records.push(record);
    if (this.#records.length > MAX_RECORDS_PER_BUILD) this.#records.shift();
  }

  addRetry(reason: RetryReason): void {
    count(this.#retryReasons, reason);
  }

  addVisibleWait(waitedMs: number): void {
    this.#visibleWaitMaxMs = Math.max(this.#visibleWaitMaxMs, waitedMs);
    this.#visibleWaitSumMs += waitedMs;
  }

  /** With `file`, only the records whose file ends in it. `wallMs` runs to `nowMs`, or to the last job's end without it. */
  report(nowMs: number | undefined, file?: string): BuildReport {
    return {
      buildId: this.id,
      startedAtMs: this.#startedAtMs,
      wallMs: Math.round((nowMs ?? this.#endedMs) - this.#startedMs),
      here: this.#here,
      there: sum(this.#byNode),
      byNode: Object.fromEntries(this.#byNode),
      retries: sum(this.#retryReasons),
      hereReasons: Object.fromEntries(this.#hereReasons),
      retryReasons: Object.fromEntries(this.#retryReasons),
      visibleWaitMaxMs: Math.round(this.#visibleWaitMaxMs),
      visibleWaitSumMs: Math.round(this.#visibleWaitSumMs),
      nodesConfigured: this.nodesConfigured,
      problems: [...this.problems],
      records: file === undefined ? this.#records : this.#records.filter((record) => isFile(record.file, file)),
    };
  }
}

/** The builds of this dispatcher, newest last. */
export class BuildBook {
  readonly #builds = new Map<string, Build>();

  get size(): number {
    return this.#builds.size;
  }

  get newest(): Build | undefined {
    return [...this.#builds.values()].at(-1);
  }

  find(id: string): Build | undefined {
    return this.#builds.get(id);
  }

  /** The build `id`, begun now if it is not known. */
  begin(id: string, startedAtMs: number, nowMs: number): Build {
    const known = this.#builds.get(id);
    if (known) return known;
    const build = new Build(id, startedAtMs, nowMs);
    this.#builds.set(id, build);
    const oldest = this.#builds.keys().next();
    if (this.#builds.size > MAX_BUILDS && !oldest.done) this.#builds.delete(oldest.value);
    return build;
  }

  /** Forgets `id`, so that its next job begins a new count. */
  forget(id: string): void {
    this.#builds.delete(id);
  }
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
