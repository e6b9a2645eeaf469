/**
 * How fast a node compiles, relative to the others: first from a standard compile (Kappa, equations 1 and 2), then from
 * the jobs that it finished. Pure; unaware of who runs the compile and of who places jobs by the result.
 *
 * A job's CPU time is taken for cost(kind of job) ÷ speed(node). Both are learned together, as logarithms, so that a
 * node which only ever gets large jobs does not look slow.
 */

/** CPU seconds of the standard compile on a node of speed 1; gcc 12 on a server core of 2023 takes about that. */
export const REFERENCE_CPU_SECONDS = 0.5;

/**
 * Kappa's Sysmetric_static turned over: reference time ÷ time here, so that more is faster. One benchmark, the kind of
 * work that nodes are there for; of several runs the quickest, since others on the machine can only make it slower.
 * Undefined when no run gives a time.
 */
export function staticSpeed(cpuSeconds: readonly number[]): number | undefined {
  const quickest = Math.min(...cpuSeconds.filter((seconds) => seconds > 0));
  return Number.isFinite(quickest) ? clampSpeed(REFERENCE_CPU_SECONDS / quickest) : undefined;
}

/** What the standard compile compiles: C without includes, the same text everywhere, with work for each pass. */
export function standardSource(functions = STANDARD_FUNCTIONS): string {
  const bodies = Array.from({ length: functions }, (_, index) => standardFunction(index));
  return `struct node { struct node *next; long key; double weight; };\n${bodies.join('\n')}\n`;
}
/** To be followed by the source, `-o` and an output. */
export const STANDARD_COMPILE_WORDS = ['-O2', '-w', '-c'] as const;
const STANDARD_FUNCTIONS = 20;

function standardFunction(index: number): string {
  return [
    `long work${index}(struct node *list, long *table, long size) {`,
    `  long sum = ${index}; double scale = ${index}.5;`,
    '  for (struct node *at = list; at; at = at->next) {',
    `    switch (at->key & 7) { case 0: sum += at->key * ${index + 3}; break; case 1: sum ^= at->key >> 3; break;`,
    `      case 2: scale *= at->weight; break; case 5: sum -= (long)(scale * ${index % 7}); break; default: sum++; }`,
    '  }',
    `  for (long i = 0; i < size; i++) for (long j = i; j < size; j += ${(index % 5) + 1})`,
    `    table[i] = table[i] * ${(index % 11) + 2} + table[j] % (i + ${index + 1});`,
    index === 0 ? '  return sum;' : `  return size > 1 ? work${index - 1}(list, table, size / 2) + sum : sum;`,
    '}',
  ].join('\n');
}

/** A speed outside of this is a broken clock, not a machine. */
const SLOWEST = 0.01;
const FASTEST = 100;

function clampSpeed(speed: number): number {
  return Math.min(FASTEST, Math.max(SLOWEST, speed));
}

/** Jobs too short for a 10 ms clock say nothing. */
const SHORTEST_JOB_SECONDS = 0.05;
/** One job may move an estimate by a fifth at most: a job that swapped is no reason to shun its node. */
const MOST_STEP = Math.log(1.2);
/** The weight of a job sinks from 1/2 to this: the last 50 or so decide. */
const LEAST_WEIGHT = 0.02;
/** A static speed counts like this many jobs already seen. */
const STATIC_JOBS = 5;
/** A large build has some thousand kinds (files, or classes of them); 1,000 nodes are a cluster. Oldest are dropped. */
const MAX_KINDS = 10_000;
const MAX_NODES = 2_000;

/** The logarithm of a speed or of a cost in CPU seconds, and how many jobs it rests on. */
interface Estimate {
  log: number;
  jobs: number;
}

export class SpeedBook {
  readonly #speeds = new Map<string, Estimate>();
  readonly #costs = new Map<string, Estimate>();

  /** What the standard compile gave, when the node is first seen. Jobs seen so far are worth more. */
  setStatic(node: string, speed: number): void {
    if (!this.#speeds.has(node))
      put(this.#speeds, node, { log: Math.log(clampSpeed(speed)), jobs: STATIC_JOBS }, MAX_NODES);
  }

  /**
   * A finished job. `kind` says which jobs cost the same: best the source's path (compiled again in the next build),
   * else compiler, options and size of source or output, as the caller can tell.
   */
  observe(node: string, kind: string, cpuSeconds: number): void {
    if (!(cpuSeconds >= SHORTEST_JOB_SECONDS)) return;
    const speed = this.#speeds.get(node) ?? { log: 0, jobs: 0 };
    const cost = this.#costs.get(kind);
    const seen = Math.log(cpuSeconds) + speed.log;
    if (!cost) {
      // The first of its kind sets the price and says nothing about the node.
      put(this.#costs, kind, { log: seen, jobs: 1 }, MAX_KINDS);
    } else {
      const surprise = seen - cost.log;
      learn(speed, -surprise);
      learn(cost, surprise);
      put(this.#costs, kind, cost, MAX_KINDS);
    }
    speed.log = Math.log(clampSpeed(Math.exp(speed.log)));
    put(this.#speeds, node, speed, MAX_NODES);
  }

  /** 1 for a node about which nothing is known. */
  speedOf(node: string): number {
    return Math.exp(this.#speeds.get(node)?.log ?? 0);
  }

  /** CPU seconds that a job of this kind will take on this node; undefined for a kind never seen. */
  expectedSeconds(node: string, kind: string): number | undefined {
    const cost = this.#costs.get(kind);
    return cost && Math.exp(cost.log) / this.speedOf(node);
  }
}

function learn(estimate: Estimate, surprise: number): void {
  estimate.jobs++;
  // Node and kind share what was unexpected, the one that is known less taking more of it.
  const weight = Math.max(LEAST_WEIGHT, 1 / (estimate.jobs + 1));
  estimate.log += Math.max(-MOST_STEP, Math.min(MOST_STEP, weight * surprise));
}

/** Puts the newest last and drops the oldest when there are too many. */
function put(map: Map<string, Estimate>, key: string, value: Estimate, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) break;
    map.delete(oldest);
  }
}
