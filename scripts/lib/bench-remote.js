/**
 * Benchmark of the overhead of a compile on another node: calls of a compiler that costs nothing, one after the other,
 * from one shell. Unaware of real compilers.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BenchCluster, removeTree } from './bench-cluster.js';
import { publish } from './bench-docs.js';
import { readFlags } from './bench-flags.js';
import { fastest, middle } from './bench-numbers.js';

/** @typedef {{ wallMs: number, submitCpuMs: number }} Cost of one call */
/** @typedef {readonly string[]} Words of the command that makes the calls */

const LIB = dirname(fileURLToPath(import.meta.url));
const DIST = join(dirname(dirname(LIB)), 'dist');
/** Percent of a core for each node; only one node works at a time. */
const CPU = 100;
/** A build with this many calls measures the fixed cost of its start and end. */
const FEW = 20;
/** Calls before the first round, which open connections and let V8 compile the code. */
const WARM_CALLS = 1_000;

const MAKEFILE = `all:
	@bash ./calls $(CALLS)
`;
const CALLS_SCRIPT = `for ((call = 0; call < $1; call++)); do gcc -O2 -c -o a.o a.c; done
`;

const { rounds, calls, write } = readFlags('bench-remote', { rounds: 10, calls: 200 });

const work = mkdtempSync('/var/tmp/pmake-bench-');
const cluster = new BenchCluster(work);
try {
  const bin = join(work, 'bin');
  mkdirSync(bin);
  execFileSync('cc', ['-O2', '-o', join(bin, 'gcc'), join(LIB, 'sleeping-cc.c')], { stdio: 'inherit' });
  for (const [name, text] of Object.entries({ Makefile: MAKEFILE, calls: CALLS_SCRIPT, 'a.c': 'int a;\n' }))
    writeFileSync(join(work, name), text);
  cluster.up(2, CPU, false);
  const env = { PATH: `${bin}:${process.env.PATH ?? ''}`, SLEEPING_CC_MS: '0', PMAKE_NODES: 'node2/2' };
  const pmake = (/** @type {number} */ count) => [join(DIST, 'cli/pmake.cjs'), '-s', `CALLS=${count}`];
  /** @type {Readonly<Record<string, (count: number) => Words>>} */
  const ways = { direct: (count) => ['bash', './calls', String(count)], 'on another node': pmake };
  await run(pmake(WARM_CALLS), env);
  needRemote(env);
  /** @type {Record<string, Cost[]>} */
  const costs = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [way, words] of Object.entries(ways)) {
      const few = await run(words(FEW), env);
      const many = await run(words(FEW + calls), env);
      const aCall = (/** @type {keyof Cost} */ what) => Number(((many[what] - few[what]) / calls).toFixed(3));
      costs[way]?.push({ wallMs: aCall('wallMs'), submitCpuMs: aCall('submitCpuMs') });
    }
  }
  await publish('remote', write, {
    command: `scripts/bench-remote --rounds ${rounds} --calls ${calls}`,
    figures: { rounds, calls, costs },
    remark: ', ms per call:',
    table: tableOf(costs),
  });
} finally {
  cluster.down();
  removeTree(work);
}

/**
 * Measures the cost of the whole command. @param {Words} words @param {NodeJS.ProcessEnv} env @returns {Promise<Cost>}
 */
async function run(words, env) {
  const cpuBefore = cluster.cpuSeconds(1);
  const startMs = performance.now();
  const { status, output } = await cluster.run(1, words, { cwd: work, env });
  const wallMs = performance.now() - startMs;
  if (status !== 0) throw new Error(`${words.join(' ')} failed:\n${output}`);
  return { wallMs, submitCpuMs: (cluster.cpuSeconds(1) - cpuBefore) * 1_000 };
}

/** Throws when the last build's calls were not made on the other node. @param {NodeJS.ProcessEnv} env */
function needRemote(env) {
  const { output } = cluster.exec(1, [join(DIST, 'cli/pmakectl.js'), 'explain', '--json'], { env });
  const { there } = /** @type {{ there: number }} */ (JSON.parse(output));
  if (there < WARM_CALLS / 2) throw new Error(`only ${there} of ${WARM_CALLS} calls ran on the other node`);
}

/** @param {Record<string, Cost[]>} costs */
function tableOf(costs) {
  return [
    '| calls | wall, fastest round | wall, median | CPU of the submit host, fastest | CPU, median |',
    '|---|---:|---:|---:|---:|',
    ...Object.entries(costs).map(([way, rounds]) => {
      const of = (/** @type {keyof Cost} */ what) => rounds.map((cost) => cost[what]);
      const figures = [of('wallMs'), of('submitCpuMs')].flatMap((values) => [fastest(values), middle(values)]);
      return `| ${[way, ...figures.map((figure) => figure.toFixed(2))].join(' | ')} |`;
    }),
  ];
}
