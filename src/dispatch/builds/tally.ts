/**
 * Tally of each build: what its jobs did, for the summary, `pmakectl explain` and the saved report. Pure but for the
 * clock handed in; unaware of sockets and files.
 */
import type { BuildReport, IdleJob, JobRecord } from '../../protocol/control.ts';
import { PLACEMENT_SENTENCES, type RetryReason } from '../reasons.ts';
import { BuildScope } from './scope.ts';

/** Limits on the newest records kept of one build, by count and by size as JSON: a frame holds 4 MiB. */
const MAX_RECORDS_PER_BUILD = 10_000;
const MAX_RECORDS_BYTES = 3 * 1024 * 1024;
/** Size of a record without its names. */
const RECORD_BYTES = 200;
/** Prefix of the id of a build that was not started by pmake; the shim's session follows. */
export const UNNAMED_BUILD = 'session-';
/**
 * Such a build is over when its session has been silent for this long: the next make in that terminal is another build.
 */
const UNNAMED_BUILD_GAP_MS = 60_000;
/** Limit on a build's jobs that used no CPU for a while: more than a user examines. */
const MAX_IDLE_PER_BUILD = 100;
/** Finished builds that are remembered while the dispatcher lives. */
const MAX_BUILDS = 32;
/** Builds whose nodes stay connected for the next one. */
const RECENT_BUILDS = 4;

/** One build: its counts, records and scope. */
export class Build {
  readonly id: string;
  readonly #startedAtMs: number;
  readonly #startedMs: number;
  #endedMs: number;
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
  readonly problems = new Set<string>();
  /** A pmake process waits for the build's end: the build is not over, however long it links or tests. */
  isOpen = false;
  /** The nodes that the build's jobs may use. */
  readonly scope = new BuildScope();
  /** Nodes whose outputs did not become visible on this host. */
  readonly unseenOf = new Set<string>();

  constructor(id: string, startedAtMs: number, nowMs: number) {
    this.id = id;
    this.#startedAtMs = startedAtMs;
    this.#startedMs = nowMs;
    this.#endedMs = nowMs;
  }

  get finished(): number {
    return this.#here + sum(this.#byNode);
  }

  /** When the last job ended, in the caller's time. */
  get endedMs(): number {
    return this.#endedMs;
  }

  /** True if no more jobs of the build will arrive. */
  isOver(nowMs: number): boolean {
    return !this.isOpen && !(this.id.startsWith(UNNAMED_BUILD) && nowMs - this.#endedMs <= UNNAMED_BUILD_GAP_MS);
  }

  /** A job of this build arrived: the build is not over. */
  noteArrival(nowMs: number): void {
    this.#endedMs = Math.max(this.#endedMs, nowMs);
  }

  /** `node` did not run a job of this build, or ran it without success, for `reason`. */
  noteUseless(node: string, reason: RetryReason): void {
    if (!this.scope.noteUseless(node)) return;
    this.problems.add(`${node}: ${PLACEMENT_SENTENCES[reason]}; left out of this build`);
  }

  addRecord(record: JobRecord, nowMs: number): void {
    this.#endedMs = nowMs;
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

  addRetry(reason: RetryReason): void {
    count(this.#retryReasons, reason);
  }

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

  /**
   * The report of the build. With `file`, it contains only the records whose file ends in `file`. `wallMs` runs to
   * `nowMs`, or to the end of the last job if that is undefined.
   */
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
      hereDetails: Object.fromEntries(this.#hereDetails),
      retryReasons: Object.fromEntries(this.#retryReasons),
      visibleWaitMaxMs: Math.round(this.#visibleWaitMaxMs),
      visibleWaitSumMs: Math.round(this.#visibleWaitSumMs),
      slowServerMs: this.#slowServerMs,
      startedTwice: this.#startedTwice,
      ...(this.#idle.size > 0 ? { idle: [...this.#idle.values()] } : {}),
      visibleWaitP95Ms: Math.round(percentile95(this.#visibleWaitsMs)),
      nodesConfigured: this.scope.nodesConfigured,
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

  /** The build whose last job ended last. */
  get newest(): Build | undefined {
    let newest: Build | undefined;
    for (const build of this.#builds.values()) {
      if (!newest || build.endedMs >= newest.endedMs) newest = build;
    }
    return newest;
  }

  /** Nodes of each build that is in progress, or recent enough to be followed by a similar one. */
  newestNodes(nowMs: number): ReadonlySet<string>[] {
    const builds = [...this.#builds.values()];
    const wanted = builds.filter((build, index) => index >= builds.length - RECENT_BUILDS || !build.isOver(nowMs));
    return wanted.map(({ scope }) => scope.nodes);
  }

  find(id: string): Build | undefined {
    return this.#builds.get(id);
  }

  /** True if a make waits for any build other than `id`. */
  isAnotherOpen(id: string): boolean {
    return [...this.#builds.values()].some((build) => build.isOpen && build.id !== id);
  }

  /** The build `id`; a new one if it is not known. */
  begin(id: string, startedAtMs: number, nowMs: number): Build {
    const known = this.#builds.get(id);
    if (known && !(id.startsWith(UNNAMED_BUILD) && known.isOver(nowMs))) {
      known.noteArrival(nowMs);
      return known;
    }
    this.#builds.delete(id);
    const build = new Build(id, startedAtMs, nowMs);
    this.#builds.set(id, build);
    this.#forgetOldest(nowMs);
    return build;
  }

  /** Evicts finished builds only: each build in progress has a process that waits for it. */
  #forgetOldest(nowMs: number): void {
    for (const [id, build] of this.#builds) {
      if (this.#builds.size <= MAX_BUILDS) return;
      if (build.isOver(nowMs)) this.#builds.delete(id);
    }
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
