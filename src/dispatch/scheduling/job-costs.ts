/**
 * What compiles cost in earlier builds: CPU time by object, on a node of speed 1. And how much longer than that they take
 * now. Pure; unaware of files and of who asks.
 */
import { putLast } from '../../util/put-last.ts';

/** Objects known at once: some large trees. The ones compiled longest ago are forgotten. */
const MAX_OBJECTS = 50_000;
/** A compile that took more is none, or its clock was wrong. */
const MAX_COST_MS = 3_600_000;
/** Of the newest job, in the means that are kept. */
const NEWEST_SHARE = 0.1;
const FIRST_LINE = 'pmake costs 1';

export class JobCosts {
  /** Object → CPU ms; the newest last. */
  readonly #costs = new Map<string, number>();
  #meanMs: number | undefined;
  /** Wall time by cost: nodes have several jobs at once, and other work. */
  #stretch: number | undefined;

  get size(): number {
    return this.#costs.size;
  }

  /** @param costMs CPU time × the node's speed @param wallMs on the node */
  note(object: string, costMs: number, wallMs: number): void {
    if (!(costMs > 0 && costMs <= MAX_COST_MS)) return;
    this.#put(object, Math.round(costMs));
    this.#meanMs = mean(this.#meanMs, costMs);
    this.#stretch = mean(this.#stretch, wallMs / costMs);
  }

  /** CPU ms on a node of speed 1; of an object never seen, the mean of the newest. Undefined where nothing is known. */
  expectedCostMs(object: string): number | undefined {
    return this.#costs.get(object) ?? this.#meanMs;
  }

  /** Wall ms on a node of speed 1, as busy as nodes have been. */
  expectedWallMs(object: string): number | undefined {
    const cost = this.expectedCostMs(object);
    return cost !== undefined && this.#stretch !== undefined ? cost * this.#stretch : undefined;
  }

  /** A line for each object that can be told in one. */
  toText(): string {
    const lines = [...this.#costs].filter(([object]) => !object.includes('\n'));
    return [FIRST_LINE, ...lines.map(([object, costMs]) => `${costMs} ${object}`), ''].join('\n');
  }

  /** What an earlier dispatcher knew; what is known here already is newer. Lines that make no sense are left out. */
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
    putLast(this.#costs, object, costMs, MAX_OBJECTS);
  }
}

function mean(before: number | undefined, newest: number): number {
  return before === undefined ? newest : before + NEWEST_SHARE * (newest - before);
}
