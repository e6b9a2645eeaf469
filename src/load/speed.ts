/**
 * Estimates how fast a node compiles relative to others: first from a standard compile (Kappa, equations 1 and 2), then
 * from the jobs it has finished. Pure; unaware of who runs the compile and of who places jobs by the result.
 *
 * A job's CPU time is modelled as cost(kind of job) ÷ speed(node). Both are learned together, as logarithms, so that a
 * node that only gets large jobs does not look slow.
 */

/** CPU seconds of the standard compile on a node of speed 1; gcc 12 takes about this on a server core of 2023. */
export const REFERENCE_CPU_SECONDS = 0.5;

/**
 * The inverse of Kappa's Sysmetric_static: reference time ÷ measured time, so that more is faster. There is one
 * benchmark, which is the kind of work that nodes do. The quickest of several runs counts, because other load can only
 * slow a run down. Undefined if no run gives a time.
 */
export function staticSpeed(cpuSeconds: readonly number[]): number | undefined {
  const quickest = Math.min(...cpuSeconds.filter((seconds) => seconds > 0));
  return Number.isFinite(quickest) ? clampSpeed(REFERENCE_CPU_SECONDS / quickest) : undefined;
}

/** The source of the standard compile: C without includes, identical everywhere, with work for each compiler pass. */
export function standardSource(functions = STANDARD_FUNCTIONS): string {
  const bodies = Array.from({ length: functions }, (_, index) => standardFunction(index));
  return `struct node { struct node *next; long key; double weight; };\n${bodies.join('\n')}\n`;
}
/** The options of the standard compile, to be followed by the source, `-o` and an output. */
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

/** A speed outside of these limits is a measurement error. */
const SLOWEST = 0.01;
const FASTEST = 100;

function clampSpeed(speed: number): number {
  return Math.min(FASTEST, Math.max(SLOWEST, speed));
}

/** Shorter jobs are useless with a clock of 10 ms. */
const SHORTEST_JOB_SECONDS = 0.05;
/** One job may change an estimate by at most 20 %: a job that swapped is no reason to avoid its node. */
const MOST_STEP = Math.log(1.2);
/** The weight of a job falls from 1/2 to this, so that about the last 50 jobs decide. */
const LEAST_WEIGHT = 0.02;
/** A static speed has the weight of this many jobs. */
const STATIC_JOBS = 5;
/**
 * A large build has a few thousand kinds (files, or classes of them), and a cluster 1,000 nodes. The oldest are
 * evicted.
 */
const MAX_KINDS = 10_000;
const MAX_NODES = 2_000;

/** The logarithm of a speed or of a cost in CPU seconds, and the number of jobs it is based on. */
interface Estimate {
  log: number;
  jobs: number;
}

/** Learned speeds of nodes and costs of jobs. */
export class SpeedBook {
  readonly #speeds = new Map<string, Estimate>();
  readonly #costs = new Map<string, Estimate>();

  /**
   * Sets the speed from the standard compile when the node is first seen. A no-op for a node that has finished jobs.
   */
  setStatic(node: string, speed: number): void {
    if (!this.#speeds.has(node))
      put(this.#speeds, node, { log: Math.log(clampSpeed(speed)), jobs: STATIC_JOBS }, MAX_NODES);
  }

  /**
   * Takes a finished job. `kind` identifies jobs of equal cost: preferably the source's path (compiled again in the
   * next build), otherwise compiler, options and size of source or output, whichever the caller knows.
   */
  observe(node: string, kind: string, cpuSeconds: number): void {
    if (!(cpuSeconds >= SHORTEST_JOB_SECONDS)) return;
    const speed = this.#speeds.get(node) ?? { log: 0, jobs: 0 };
    const cost = this.#costs.get(kind);
    const seen = Math.log(cpuSeconds) + speed.log;
    if (!cost) {
      // The first job of its kind sets the cost and says nothing about the node.
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

  /** 1 for an unknown node. */
  speedOf(node: string): number {
    return Math.exp(this.#speeds.get(node)?.log ?? 0);
  }

  /** Expected CPU seconds of a job of this kind on this node; undefined for an unknown kind. */
  expectedSeconds(node: string, kind: string): number | undefined {
    const cost = this.#costs.get(kind);
    return cost && Math.exp(cost.log) / this.speedOf(node);
  }
}

function learn(estimate: Estimate, surprise: number): void {
  estimate.jobs++;
  // Node and kind share the surprise; the less certain of the two takes more of it.
  const weight = Math.max(LEAST_WEIGHT, 1 / (estimate.jobs + 1));
  estimate.log += Math.max(-MOST_STEP, Math.min(MOST_STEP, weight * surprise));
}

/** Makes `key` the newest entry, and evicts the oldest if there are too many. */
function put(map: Map<string, Estimate>, key: string, value: Estimate, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) break;
    map.delete(oldest);
  }
}
