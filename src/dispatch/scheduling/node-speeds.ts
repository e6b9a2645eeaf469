/**
 * Speeds of nodes, estimated from finished jobs, for this dispatcher's own ranking and for the broker's. Unaware of how
 * either uses them.
 */
import { SpeedBook } from '../../load/speed.ts';
import { LruMap } from '../../util/lru-map.ts';

/** Smaller changes are noise of single jobs. */
const TOLD_CHANGE = Math.log(1.05);
/** Minimum interval between reports: speeds change slowly, and the broker need not hear of every job. */
const TOLD_INTERVAL_MS = 5_000;
/** Nodes whose last report is remembered; a cluster has fewer. */
const MAX_NODES = 2_000;

/** What predicts how much work a job is. */
export interface JobKind {
  readonly source: string;
  readonly sourceBytes: number;
  readonly language: string;
  readonly program: string;
  readonly words: readonly string[];
}

interface Told {
  readonly log: number;
  readonly atMs: number;
}

/** Estimates speeds, and decides when the broker should hear of a change. */
export class NodeSpeeds {
  readonly #book = new SpeedBook();
  /** Nodes whose speed is on the broker's scale: the value last reported to the broker, or received from it. */
  readonly #told = new LruMap<string, Told>(MAX_NODES);

  speedOf(node: string): number {
    return this.#book.speedOf(node);
  }

  /**
   * Sets the broker's speed for a node before the node's first job here. Jobs reveal only ratios: without a common
   * starting point, a report on one node would not be comparable with what the cluster knows of another.
   */
  begin(node: string, speed: number): void {
    if (this.#told.has(node)) return;
    this.#book.setStatic(node, speed);
    this.#told.set(node, { log: Math.log(speed), atMs: -Infinity });
  }

  /** A job finished. Returns the node's speed if it has changed enough for the broker to know. */
  observe(node: string, kind: JobKind, cpuMs: number, nowMs: number): number | undefined {
    const seconds = cpuMs / 1_000;
    const optimisation = kind.words.findLast((word) => word.startsWith('-O')) ?? '';
    const file = `${kind.source} ${optimisation}`;
    // A file compiled before is the best measure. Until then, jobs are grouped by size in powers of two.
    if (this.#book.expectedSeconds(node, file) === undefined) {
      const size = Math.floor(Math.log2(kind.sourceBytes + 1));
      this.#book.observe(node, `${kind.program} ${kind.language} ${optimisation} ${size}`, seconds);
    }
    this.#book.observe(node, file, seconds);
    return this.#news(node, nowMs);
  }

  #news(node: string, nowMs: number): number | undefined {
    const told = this.#told.get(node);
    const log = Math.log(this.speedOf(node));
    if (!told || Math.abs(log - told.log) <= TOLD_CHANGE || nowMs - told.atMs < TOLD_INTERVAL_MS) return undefined;
    this.#told.set(node, { log, atMs: nowMs });
    return Math.exp(log);
  }
}
