/**
 * Costs of compiles in earlier builds: CPU time by object on a node of speed 1, and how much longer than that compiles
 * take now. Pure; unaware of files and of who asks.
 */
import { LruMap } from '../../util/lru-map.ts';

/** Objects remembered: some large trees. The least recently compiled are evicted. */
const MAX_OBJECTS = 50_000;
/** Larger values are measurement errors. */
const MAX_COST_MS = 3_600_000;
/** Weight of the newest job in moving means. */
const NEWEST_SHARE = 0.1;
const FIRST_LINE = 'pmake costs 1';

/** Costs by object, learned from finished jobs. */
export class JobCosts {
  /** Object → CPU ms; the newest is last. */
  readonly #costs = new LruMap<string, number>(MAX_OBJECTS);
  #meanMs: number | undefined;
  /** Ratio of wall time to cost: nodes run several jobs at once, and other work. */
  #stretch: number | undefined;

  get size(): number {
    return this.#costs.size;
  }

  /**
   * Learns from a finished compile.
   * @param costMs CPU time × the node's speed
   * @param wallMs time on the node
   */
  note(object: string, costMs: number, wallMs: number): void {
    if (!(costMs > 0 && costMs <= MAX_COST_MS)) return;
    this.#put(object, Math.round(costMs));
    this.#meanMs = mean(this.#meanMs, costMs);
    this.#stretch = mean(this.#stretch, wallMs / costMs);
  }

  /** CPU ms on a node of speed 1; the mean of the newest jobs for an unknown object, undefined if none exists. */
  expectedCostMs(object: string): number | undefined {
    return this.#costs.get(object) ?? this.#meanMs;
  }

  /** Wall ms on a node of speed 1, as busy as nodes have been. */
  expectedWallMs(object: string): number | undefined {
    const cost = this.expectedCostMs(object);
    return cost !== undefined && this.#stretch !== undefined ? cost * this.#stretch : undefined;
  }

  /** One line per object; an object whose name contains a newline is left out. */
  toText(): string {
    const lines = [...this.#costs].filter(([object]) => !object.includes('\n'));
    return [FIRST_LINE, ...lines.map(([object, costMs]) => `${costMs} ${object}`), ''].join('\n');
  }

  /** Adds what an earlier dispatcher knew; existing entries are newer. Invalid lines are ignored. */
  addText(text: string): void {
    const [first, ...lines] = text.split('\n');
    if (first !== FIRST_LINE) return;
    const newer = [...this.#costs];
    for (const line of lines) {
      const space = line.indexOf(' ');
      const costMs = Number(line.slice(0, Math.max(0, space)));
      if (space > 0 && costMs > 0 && costMs <= MAX_COST_MS) this.#put(line.slice(space + 1), costMs);
    }
    for (const [object, costMs] of newer) this.#put(object, costMs);
  }

  #put(object: string, costMs: number): void {
    this.#costs.set(object, costMs);
  }
}

function mean(before: number | undefined, newest: number): number {
  return before === undefined ? newest : before + NEWEST_SHARE * (newest - before);
}
