/**
 * Watches the file server of the tree while jobs run on nodes, and limits how many may. If the tree is not on an NFS
 * mount, only the delay until outputs are visible is watched. Unaware of queues and nodes.
 */
import { readFileSync } from 'node:fs';
import { rpcTotals, type RpcTotals } from '../../tree/mount-stats.ts';
import { mountOf } from '../../tree/mounts.ts';
import { BackPressure } from './file-server-throttle.ts';

const INTERVAL_MS = 1_000;

/** What a watch needs. */
export interface ServerWatchOptions {
  /** Jobs on nodes now. */
  readonly inFlight: () => number;
  /** Called after each interval with a limit, and when the limit is lifted. */
  readonly onLimit: (limit: number, intervalMs: number) => void;
}

/** Samples the file server, and applies the throttle. */
export class ServerWatch {
  readonly #options: ServerWatchOptions;
  readonly #pressure = new BackPressure();
  #timer: NodeJS.Timeout | undefined;
  #directory = '';
  /** Mount point of the newest job's tree. */
  #point: string | undefined;
  #before: RpcTotals | undefined;
  #settled = 0;
  #visibleWaitMs = 0;

  constructor(options: ServerWatchOptions) {
    this.#options = options;
  }

  /** A job that may run on a node, and writes below `directory`, arrived. */
  noteJob(directory: string): void {
    if (directory !== this.#directory) {
      this.#directory = directory;
      this.#findPoint();
    }
    // The timer must not keep the process alive: the jobs do.
    this.#timer ??= setInterval(() => this.#look(), INTERVAL_MS).unref();
  }

  /** A job ended on a node, and its outputs became visible on this host after `waitedMs`. */
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
    // It may have been mounted in the meantime.
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
