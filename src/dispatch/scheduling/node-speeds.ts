/**
 * What finished jobs say about the speed of nodes, for this dispatcher's own ranking and for the broker's.
 * Unaware of how either uses it.
 */
import { SpeedBook } from '../../load/speed.ts';
import { putLast } from '../../util/put-last.ts';

/** A change below this is the noise of single jobs. */
const TOLD_CHANGE = Math.log(1.05);
/** A node's speed does not change in a second; the broker need not hear of every job. */
const TOLD_INTERVAL_MS = 5_000;
/** Nodes of which it is known what was told; a cluster has fewer. */
const MAX_NODES = 2_000;

/** What tells how much work a job is. */
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

export class NodeSpeeds {
  readonly #book = new SpeedBook();
  /** Of the nodes whose speed is on the broker's scale: what it was told last, or said itself. */
  readonly #told = new Map<string, Told>();

  speedOf(node: string): number {
    return this.#book.speedOf(node);
  }

  /**
   * The speed that the broker goes by, before the node's first job here. Only ratios can be learned from jobs: without
   * a common beginning, what is told of one node would not fit what the cluster believes of another.
   */
  begin(node: string, speed: number): void {
    if (this.#told.has(node)) return;
    this.#book.setStatic(node, speed);
    putLast(this.#told, node, { log: Math.log(speed), atMs: -Infinity }, MAX_NODES);
  }

  /** A job finished. Returns the node's speed when it has changed so much that the broker should know. */
  observe(node: string, kind: JobKind, cpuMs: number, nowMs: number): number | undefined {
    const seconds = cpuMs / 1_000;
    const optimisation = kind.words.findLast((word) => word.startsWith('-O')) ?? '';
    const file = `${kind.source} ${optimisation}`;
    // A file compiled before is the best measure. Until then it is one of those of its size, in powers of two.
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
