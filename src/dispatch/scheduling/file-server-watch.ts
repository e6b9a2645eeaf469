/**
 * Watches the file server of the tree that jobs are built in, while jobs are out, and says how many may be. Where the
 * tree is on no NFS mount, only the wait for outputs is watched. Unaware of queues and nodes.
 */
import { readFileSync } from 'node:fs';
import { rpcTotals, type RpcTotals } from '../../tree/mount-stats.ts';
import { mountOf } from '../../tree/mounts.ts';
import { BackPressure } from './file-server-throttle.ts';

const INTERVAL_MS = 1_000;

export interface ServerWatchOptions {
  /** Jobs on nodes now. */
  readonly inFlight: () => number;
  /** After each interval in which there was a limit, or in which it fell away. */
  readonly onLimit: (limit: number, intervalMs: number) => void;
}

export class ServerWatch {
  readonly #options: ServerWatchOptions;
  readonly #pressure = new BackPressure();
  #timer: NodeJS.Timeout | undefined;
  #directory = '';
  /** Where the tree of the newest job is mounted. */
  #point: string | undefined;
  #before: RpcTotals | undefined;
  #settled = 0;
  #visibleWaitMs = 0;

  constructor(options: ServerWatchOptions) {
    this.#options = options;
  }

  /** A job for a node arrived that writes below `directory`. */
  noteJob(directory: string): void {
    if (directory !== this.#directory) {
      this.#directory = directory;
      this.#findPoint();
    }
    // Nothing to keep the process for: the jobs do that.
    this.#timer ??= setInterval(() => this.#look(), INTERVAL_MS).unref();
  }

  /** A job ended on a node, and its outputs took `waitedMs` to be seen here. */
  noteSettled(waitedMs: number): void {
    this.#settled += 1;
    this.#visibleWaitMs += waitedMs;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #findPoint(): void {
    const directory = this.#directory;
    void mountOf(directory).then((mount) => {
      const point = mount?.type.startsWith('nfs') ? mount.point : undefined;
      if (directory !== this.#directory || point === this.#point) return;
      this.#point = point;
      this.#before = undefined;
    });
  }

  #look(): void {
    // It may have been mounted since.
    this.#findPoint();
    const inFlight = this.#options.inFlight();
    const wasLimited = Number.isFinite(this.#pressure.limit);
    const now = this.#totals();
    this.#pressure.observe({
      requests: now && this.#before ? now.count - this.#before.count : 0,
      waitedMs: now && this.#before ? now.waitedMs - this.#before.waitedMs : 0,
      settled: this.#settled,
      visibleWaitMs: this.#visibleWaitMs,
      inFlight,
    });
    this.#before = now;
    this.#settled = 0;
    this.#visibleWaitMs = 0;
    const { limit } = this.#pressure;
    if (wasLimited || Number.isFinite(limit)) this.#options.onLimit(limit, wasLimited ? INTERVAL_MS : 0);
    if (inFlight === 0 && !Number.isFinite(limit)) this.close();
  }

  #totals(): RpcTotals | undefined {
    if (this.#point === undefined) return undefined;
    try {
      return rpcTotals(readFileSync('/proc/self/mountstats', 'utf8'), this.#point);
    } catch {
      return undefined;
    }
  }
}
