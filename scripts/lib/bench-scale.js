/**
 * Benchmark of the build time by the number of nodes: a compiler that takes a second and costs nothing, on more and
 * more nodes. Unaware of real compilers.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BenchCluster, removeTree } from './bench-cluster.js';
import { publish } from './bench-docs.js';
import { readFlags } from './bench-flags.js';

/**
 * @typedef {object} Step
 * @property {number} nodes
 * @property {number} jobs
 * @property {number} wallS
 * @property {number} speedup over one slot's time for as many jobs
 * @property {number} efficiency of the speed-up that the slots allow
 * @property {number} submitCpuMs CPU time of the submit host per job: make, shims, dispatcher
 */

const LIB = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(dirname(LIB));
const JOB_MS = 1_000;
/** Percent of a core for each node. */
const CPU = 100;

const MAKEFILE = `all: $(foreach number,$(shell seq $(JOBS)),obj/f$(number).o)
obj/%.o: src/%.c
	gcc -O2 -c -o $@ $<
`;

const { nodes: most, slots, rows, write } = readFlags('bench-scale', { nodes: 16, slots: 2, rows: 30 });

const work = mkdtempSync('/var/tmp/pmake-bench-');
const cluster = new BenchCluster(work);
try {
  const bin = join(work, 'bin');
  for (const name of ['bin', 'src']) mkdirSync(join(work, name));
  execFileSync('cc', ['-O2', '-o', join(bin, 'gcc'), join(LIB, 'sleeping-cc.c')], { stdio: 'inherit' });
  writeFileSync(join(work, 'Makefile'), MAKEFILE);
  for (let index = 1; index <= most * slots * rows; index += 1) writeFileSync(join(work, 'src', `f${index}.c`), '');
  // One more node is the submit host.
  cluster.up(most + 1, CPU);
  const sizes = [];
  for (let nodes = 1; nodes < most; nodes *= 2) sizes.push(nodes);
  /** @type {Step[]} */
  const steps = [];
  for (const nodes of [...sizes, most]) steps.push(await measure(nodes, bin));
  await publish('scale', write, {
    command: `scripts/bench-scale --nodes ${most} --slots ${slots} --rows ${rows}`,
    figures: { slots, rows, steps },
    remark: [
      `: compiles that take a second and no CPU time, ${slots} at once on a node,`,
      `${rows} per slot. From a cold start: no dispatcher runs and no node is connected.`,
    ].join('\n'),
    table: tableOf(steps),
  });
} finally {
  cluster.down();
  removeTree(work);
}

/**
 * Builds from a cold start, without a dispatcher or connections. @param {number} nodes @param {string} bin @returns
 * {Promise<Step>}
 */
async function measure(nodes, bin) {
  const jobs = nodes * slots * rows;
  const list = Array.from({ length: nodes }, (_, index) => `node${index + 2}/${slots}`).join(' ');
  const env = { PATH: `${bin}:${process.env.PATH ?? ''}`, PMAKE_NODES: list };
  removeTree(join(work, 'obj'));
  mkdirSync(join(work, 'obj'));
  const cpuBefore = cluster.cpuSeconds(1);
  const startMs = performance.now();
  const pmake = [join(ROOT, 'dist/cli/pmake.cjs'), '-s', `JOBS=${jobs}`];
  const { status, output } = await cluster.run(1, pmake, { cwd: work, env });
  const wallS = (performance.now() - startMs) / 1_000;
  const submitCpuMs = ((cluster.cpuSeconds(1) - cpuBefore) * 1_000) / jobs;
  if (status !== 0 || !existsSync(join(work, 'obj', `f${jobs}.o`))) throw new Error(`the build failed:\n${output}`);
  cluster.exec(1, [join(ROOT, 'dist/cli/pmakectl.js'), 'stop'], { env });
  const speedup = (jobs * JOB_MS) / 1_000 / wallS;
  process.stderr.write(`bench-scale: ${nodes} nodes: ${jobs} jobs in ${wallS.toFixed(1)} s\n`);
  return { nodes, jobs, wallS, speedup, efficiency: speedup / (nodes * slots), submitCpuMs };
}

/** @param {readonly Step[]} steps */
function tableOf(steps) {
  return [
    '| nodes | jobs | wall, s | speed-up over one slot | share of what the slots allow | CPU on the submit host per job |',
    '|---:|---:|---:|---:|---:|---:|',
    ...steps.map(({ nodes, jobs, wallS, speedup, efficiency, submitCpuMs }) => {
      const cells = [nodes, jobs, wallS.toFixed(1), speedup.toFixed(1), `${(100 * efficiency).toFixed(0)} %`];
      return `| ${[...cells, `${submitCpuMs.toFixed(1)} ms`].join(' | ')} |`;
    }),
  ];
}
