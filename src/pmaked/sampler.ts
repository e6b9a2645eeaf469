/**
 * Reads /proc and passes the texts to the pure parsers of load/. Each sample reads each file once, synchronously: /proc
 * answers from memory, and a round trip through the thread pool would cost more than the read.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fail, ok, type Result } from '../util/result.ts';
import { LoadMeter, MIN_SAMPLE_INTERVAL_MS, type LoadSample } from '../load/load-sample.ts';
import { OwnWorkTracker } from '../load/own-work.ts';
import { parseProcessIo, parseProcessStat, type ProcessCounters } from '../load/proc-process.ts';
import { parseSnapshot, SNAPSHOT_FILES, type Moment, type SnapshotFile } from '../load/snapshot.ts';

/** Where and when to read. */
export interface SamplerOptions {
  /** The path of /proc; tests use a directory of their own. */
  readonly procRoot: string;
  /** The clocks. `monotonicMs` must not jump. */
  readonly now: () => Moment;
}

/** Why there is no sample. */
export type NoSample =
  /** Rates need two readings: the next call returns a sample. */
  | { readonly reason: 'first-reading' }
  /** The last reading is only a jiffy or two old. */
  | { readonly reason: 'too-soon' }
  /** PROCROOT/stat cannot be read or parsed. */
  | { readonly reason: 'stat-unreadable'; readonly path: string };

/** Takes load samples of this machine. */
export class LoadSampler {
  readonly #options: SamplerOptions;
  readonly #meter = new LoadMeter();
  readonly #tracker = new OwnWorkTracker();
  #lastMs: number | undefined;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /**
   * The load since the last call. `workerPids` are the roots of our own jobs' process trees. Other processes are only
   * read while there are workers, and each of them only once.
   */
  sample(workerPids: readonly number[]): Result<LoadSample, NoSample> {
    const moment = this.#options.now();
    const tooSoon = this.#lastMs !== undefined && moment.monotonicMs - this.#lastMs < MIN_SAMPLE_INTERVAL_MS;
    if (tooSoon) return fail({ reason: 'too-soon' });
    const texts: Partial<Record<SnapshotFile, string>> = {};
    for (const file of SNAPSHOT_FILES) {
      const text = this.#read(file);
      if (text !== undefined) texts[file] = text;
    }
    const snapshot = parseSnapshot(texts, moment);
    if (!snapshot) return fail({ reason: 'stat-unreadable', path: `${this.#options.procRoot}/stat` });
    const own = this.#ownWork(workerPids);
    this.#lastMs = moment.monotonicMs;
    const sample = this.#meter.observe(snapshot, own);
    return sample ? ok(sample) : fail({ reason: 'first-reading' });
  }

  #ownWork(workerPids: readonly number[]): ReturnType<OwnWorkTracker['update']> {
    const present = this.#pids();
    const processes = this.#tracker.wanted(present, workerPids).flatMap((pid) => this.#process(pid) ?? []);
    return this.#tracker.update(processes, present, workerPids);
  }

  /** In ascending order, as the tracker requires. */
  #pids(): number[] {
    let names: string[];
    try {
      names = readdirSync(this.#options.procRoot);
    } catch {
      return [];
    }
    return names
      .map(Number)
      .filter((pid) => Number.isInteger(pid))
      .sort((a, b) => a - b);
  }

  /** Undefined if the process has ended: its usage is then in its parent's counters at the next scan. */
  #process(pid: number): ProcessCounters | undefined {
    const stat = parseProcessStat(this.#read(`${pid}/stat`) ?? '');
    if (!stat) return undefined;
    try {
      return { ...stat, io: parseProcessIo(readFileSync(`${this.#options.procRoot}/${pid}/io`, 'utf8')) };
    } catch (cause) {
      // A kernel without task I/O accounting has no such file, although the process still exists.
      const isHidden = (cause as NodeJS.ErrnoException).code === 'EACCES' || this.#read(`${pid}/stat`) !== undefined;
      return isHidden ? { ...stat, io: undefined } : undefined;
    }
  }

  #read(file: string): string | undefined {
    try {
      return readFileSync(`${this.#options.procRoot}/${file}`, 'utf8');
    } catch {
      // Missing on this kernel, not permitted, or gone: all of these are valid answers.
      return undefined;
    }
  }
}
