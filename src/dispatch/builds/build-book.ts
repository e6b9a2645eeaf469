/**
 * Builds of this dispatcher: which are in progress, which are remembered, and what each consists of. Pure; unaware of
 * sockets and files.
 */
import type { BuildReport, JobRecord } from '../../protocol/control.ts';
import { PLACEMENT_SENTENCES, type RetryReason } from '../reasons.ts';
import { BuildScope } from './scope.ts';
import { JobTally } from './tally.ts';

/** Prefix of the id of a build that was not started by pmake; the shim's session follows. */
export const UNNAMED_BUILD = 'session-';
/**
 * Such a build is over when its session has been silent for this long: the next make in that terminal is another build.
 */
const UNNAMED_BUILD_GAP_MS = 60_000;
/** Finished builds that are remembered while the dispatcher lives. */
const MAX_BUILDS = 32;
/** Builds whose nodes stay connected for the next one. */
const RECENT_BUILDS = 4;

/** One build: its jobs' tally and scope. */
export class Build {
  readonly id: string;
  /** What the build's jobs did. */
  readonly tally = new JobTally();
  readonly problems = new Set<string>();
  /** A pmake process waits for the build's end: the build is not over, however long it links or tests. */
  isOpen = false;
  /** The nodes that the build's jobs may use. */
  readonly scope = new BuildScope();
  /** Nodes whose outputs did not become visible on this host. */
  readonly unseenOf = new Set<string>();
  readonly #startedAtMs: number;
  readonly #startedMs: number;
  #endedMs: number;

  constructor(id: string, startedAtMs: number, nowMs: number) {
    this.id = id;
    this.#startedAtMs = startedAtMs;
    this.#startedMs = nowMs;
    this.#endedMs = nowMs;
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

  /** A job of this build ended. */
  addRecord(record: JobRecord, nowMs: number): void {
    this.#endedMs = nowMs;
    this.tally.add(record);
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
      ...this.tally.counts(),
      nodesConfigured: this.scope.nodesConfigured,
      problems: [...this.problems],
      records: this.tally.records(file),
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
