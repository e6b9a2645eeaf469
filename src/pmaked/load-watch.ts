/**
 * Samples this node's load at an interval, decides whether it is available and when jobs must be evicted for the owner,
 * and writes the log. Unaware of brokers and leases.
 */
import { appendFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { ArrivalWatch } from '../load/arrival.ts';
import { type AvailabilityChange, AvailabilityMonitor } from '../load/availability.ts';
import { changeLine, formatLogLine, type LogLine, sampleLine } from '../load/load-log.ts';
import type { LoadSample } from '../load/load-sample.ts';
import { METRICS } from '../load/metrics.ts';
import type { Policy } from '../load/policy.ts';
import { LoadSampler } from './sampler.ts';
import type { MetricView, NodeView } from '../protocol/local-broker.ts';

/** Thresholds, interval and log. */
export interface LoadSettings {
  readonly policy: Policy;
  readonly intervalMs: number;
  /** Path of the log, if there is one. */
  readonly log: string | undefined;
}

/** What a load watch needs of its daemon. */
export interface LoadWatchOptions {
  readonly node: string;
  readonly procRoot: string;
  /** Pids at the roots of our own jobs' process trees. */
  readonly workers: () => readonly number[];
  /** Number of leased slots. */
  readonly leased: () => number;
  readonly onChange: (change: AvailabilityChange) => void;
  /** Called after each sample. */
  readonly onSample: () => void;
  /** Called once for each reason why load cannot be measured or the log cannot be written. */
  readonly onProblem: (sentence: string) => void;
}

/** Samples the load until it is closed. */
export class LoadWatch {
  readonly #options: LoadWatchOptions;
  readonly #sampler: LoadSampler;
  readonly #monitor: AvailabilityMonitor;
  readonly #arrivals = new ArrivalWatch();
  #settings: LoadSettings;
  #timer: NodeJS.Timeout | undefined;
  #newest: LoadSample | undefined;
  #isBlind = false;
  #problem = '';

  constructor(options: LoadWatchOptions, settings: LoadSettings) {
    this.#options = options;
    this.#settings = settings;
    this.#monitor = new AvailabilityMonitor(settings.policy);
    const now = () => ({ monotonicMs: performance.now(), atMs: Date.now() });
    this.#sampler = new LoadSampler({ procRoot: options.procRoot, now });
  }

  /** False until the load has been sampled or found to be unmeasurable: a node that has just started may be busy. */
  get hasLooked(): boolean {
    return this.#newest !== undefined || this.#isBlind;
  }

  /** True while foreign load leaves room for jobs, or if it cannot be measured. */
  get isAvailable(): boolean {
    return this.#monitor.availability.kind === 'available';
  }

  get mustEvict(): boolean {
    return this.#monitor.evictingBy !== undefined;
  }

  /** For displays. */
  get view(): Pick<NodeView, 'metrics'> & Pick<Partial<NodeView>, 'busyBy'> {
    const { availability } = this.#monitor;
    return { ...(availability.kind === 'busy' && { busyBy: availability.by }), metrics: this.#metrics() };
  }

  start(): void {
    this.#look();
    this.#timer = setInterval(() => this.#look(), this.#settings.intervalMs);
  }

  /** Applies settings from the next sample on. The learned baseline is kept. */
  setSettings(settings: LoadSettings): void {
    const wasMs = this.#settings.intervalMs;
    this.#settings = settings;
    this.#monitor.setPolicy(settings.policy);
    if (this.#timer === undefined || wasMs === settings.intervalMs) return;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#look(), settings.intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const { workers, leased } = this.#options;
    const pids = workers();
    const sample = this.#sampler.sample(pids);
    if (!sample.ok) {
      if (sample.failure.reason === 'stat-unreadable') {
        this.#report(`the load cannot be measured (${sample.failure.path} is unreadable): this node counts as free`);
        this.#isBlind = true;
        this.#options.onSample();
      }
      return;
    }
    this.#newest = sample.value;
    const lines: LogLine[] = [sampleLine(this.#options.node, sample.value)];
    const isArriving = this.#arrivals.observe(leased(), pids.length, sample.value.monotonicMs);
    for (const change of this.#monitor.observe(sample.value, isArriving)) {
      lines.push(changeLine(this.#options.node, sample.value.atMs, change));
      this.#options.onChange(change);
    }
    this.#options.onSample();
    this.#write(lines);
  }

  #write(lines: readonly LogLine[]): void {
    const { log } = this.#settings;
    if (log === undefined) return;
    appendFile(log, lines.map(formatLogLine).join('')).catch((cause: unknown) => {
      this.#report(`the load log cannot be written: ${String(cause)}`);
    });
  }

  #report(problem: string): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.onProblem(problem);
  }

  #metrics(): MetricView[] {
    const sample = this.#newest;
    if (!sample) return [];
    return METRICS.flatMap((metric): MetricView[] => {
      const total = sample.total[metric];
      if (total === undefined) return [];
      const row = this.#monitor.rows.find((candidate) => candidate.metric === metric);
      const value = { metric, total, foreign: sample.foreign[metric] ?? total };
      return [row ? { ...value, highMark: row.highMark, lowMark: row.lowMark, judges: row.judges } : value];
    });
  }
}
