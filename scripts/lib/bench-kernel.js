#!/usr/bin/env node
/**
 * Builds the kernel once with each contender on the same nodes, and compares; scripts/bench-kernel sets up.
 * Everything it makes is in one directory under /var/tmp and in one cluster, both removed at the end.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs';
import { availableParallelism, cpus, homedir, release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BenchCluster, removeTree } from './bench-cluster.js';
import { CONTENDERS } from './bench-contenders.js';
import { formatTable, writeDocs } from './bench-report.js';

/** @typedef {import('./bench-report.js').Run} Run */

const LIB = dirname(fileURLToPath(import.meta.url));
/** What kbuild would else take from the clock and the machine. */
const KERNEL_ENV = {
  KBUILD_BUILD_TIMESTAMP: 'Sat Jan  1 00:00:00 UTC 2022',
  KBUILD_BUILD_USER: 'user',
  KBUILD_BUILD_HOST: 'host',
};

/** @param {string} text */
function say(text) {
  process.stderr.write(`bench-kernel: ${text}\n`);
}

/** The tests' copy where there is one, else unpacked for this run. @param {string} work */
function kernelSource(work) {
  const kept = join(process.env.PMAKE_TEST_CACHE ?? join(homedir(), '.cache', 'pmake-test'), 'linux-6.1-v1');
  if (existsSync(kept)) return kept;
  const source = join(work, 'source');
  mkdirSync(source);
  say('unpacking the kernel');
  execFileSync(join(LIB, 'kernel-source.sh'), [source], { stdio: 'inherit' });
  return source;
}

/** @param {string} source @param {string} tree */
function freshTree(source, tree) {
  removeTree(tree);
  execFileSync('cp', ['-a', source, tree]);
  const env = { ...process.env, ...KERNEL_ENV };
  execFileSync('make', ['-s', 'tinyconfig'], { cwd: tree, stdio: 'ignore', env });
}

/** One build at full speed by the real compiler, its results kept for the free one. @param {{ tree: string, stash: string, freeBin: string }} place */
function record({ tree, stash, freeBin }) {
  mkdirSync(freeBin, { recursive: true });
  execFileSync('cc', ['-O2', '-o', join(freeBin, 'gcc'), join(LIB, 'free-cc.c')], { stdio: 'inherit' });
  for (const name of ['cc', 'g++']) symlinkSync('gcc', join(freeBin, name));
  const env = { ...process.env, ...KERNEL_ENV, PATH: `${freeBin}:${process.env.PATH ?? ''}`, FREE_CC_STASH: stash };
  execFileSync('make', [`-j${availableParallelism()}`, 'vmlinux'], {
    cwd: tree,
    stdio: 'ignore',
    env: { ...env, FREE_CC_RECORD: '1' },
  });
}

/** Node by node. @param {import('./bench-contenders.js').Setting} setting */
function cpuOfAll({ cluster, nodes }) {
  return Array.from({ length: nodes }, (_, index) => cluster.cpuSeconds(index + 1));
}

/** @param {string} path */
function hash(path) {
  return existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'none';
}

/** @returns {Promise<void>} */
async function main() {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string', default: '5' },
      cpu: { type: 'string', default: '25' },
      slots: { type: 'string', default: '2' },
      only: { type: 'string', default: CONTENDERS.map(({ name }) => name).join(',') },
      rounds: { type: 'string', default: '1' },
      write: { type: 'boolean', default: false },
    },
  });
  const [nodes, cpu, slots] = [Number(values.nodes), Number(values.cpu), Number(values.slots)];
  const rounds = Number(values.rounds);
  const names = values.only.split(',');
  const unknown = names.filter((name) => !CONTENDERS.some((contender) => contender.name === name));
  if (!(nodes >= 2 && cpu > 0 && slots > 0 && rounds > 0)) {
    throw new Error('--nodes (2 or more), --cpu, --slots and --rounds want numbers');
  }
  if (unknown.length > 0) throw new Error(`--only does not know ${unknown.join(', ')}`);
  const work = mkdtempSync('/var/tmp/pmake-bench-');
  const cluster = new BenchCluster(work);
  const place = { tree: join(work, 'kernel'), stash: join(work, 'stash'), freeBin: join(work, 'bin') };
  const setting = { cluster, nodes, cpu, slots, work, ...place };
  try {
    const source = kernelSource(work);
    freshTree(source, place.tree);
    say('building once at full speed, for the floor and to compare with');
    record(place);
    const expected = hash(join(place.tree, 'vmlinux'));
    /** @type {Run[]} */
    const runs = [];
    const chosen = CONTENDERS.filter(({ name }) => names.includes(name));
    // Round by round: a machine that grows slower in an hour does so for all of them.
    for (const contender of Array.from({ length: rounds }, () => chosen).flat()) {
      freshTree(source, place.tree);
      // Fresh nodes for each: nothing of one contender's runs beside the next.
      cluster.up(nodes, cpu);
      try {
        runs.push(await measure(contender, setting, expected));
      } finally {
        cluster.down();
      }
    }
    const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? 'CPU'}, Linux ${release()}`;
    const only = chosen.length === CONTENDERS.length ? '' : ` --only ${names.join(',')}`;
    const flags = `--nodes ${nodes} --cpu ${cpu} --slots ${slots} --rounds ${rounds}${only}`;
    const report = {
      command: `scripts/bench-kernel ${flags}`,
      date: new Date().toISOString(),
      machine,
      nodes,
      cpu,
      slots,
      runs,
    };
    process.stdout.write(formatTable(report));
    if (values.write) writeDocs(report);
  } finally {
    removeTree(work);
  }
}

/**
 * @param {import('./bench-contenders.js').Contender} contender
 * @param {import('./bench-contenders.js').Setting & { tree: string }} setting
 * @param {string} expected hash of vmlinux
 * @returns {Promise<Run>}
 */
async function measure(contender, setting, expected) {
  const after = await contender.prepare(setting);
  try {
    return await measureBuild(contender, setting, expected);
  } finally {
    after?.();
  }
}

/**
 * @param {import('./bench-contenders.js').Contender} contender
 * @param {import('./bench-contenders.js').Setting & { tree: string }} setting
 * @param {string} expected hash of vmlinux
 * @returns {Promise<Run>}
 */
async function measureBuild(contender, setting, expected) {
  const { cluster, tree } = setting;
  const { words, env, shown } = contender.command(setting);
  say(`${contender.name}: ${shown}`);
  const cpuBefore = cpuOfAll(setting);
  const startMs = performance.now();
  const { status, output } = await cluster.run(1, words, { cwd: tree, env: { ...env, ...KERNEL_ENV } });
  const wallS = (performance.now() - startMs) / 1000;
  const [submitCpuS = 0, ...others] = cpuOfAll(setting).map((seconds, index) => seconds - (cpuBefore[index] ?? 0));
  const nodesCpuS = others.reduce((sum, seconds) => sum + seconds, 0);
  if (status !== 0) throw new Error(`${contender.name} failed with status ${status}:\n${output.slice(-2_000)}`);
  const isIdentical = hash(join(tree, 'vmlinux')) === expected;
  const cpu = `${submitCpuS.toFixed(1)} s of CPU on node 1, ${nodesCpuS.toFixed(1)} on the others`;
  say(`${contender.name}: ${wallS.toFixed(1)} s, ${cpu}, identical: ${isIdentical}`);
  return { name: contender.name, shown, wallS, submitCpuS, nodesCpuS, isIdentical };
}

try {
  await main();
} catch (cause) {
  say(cause instanceof Error ? cause.message : String(cause));
  process.exitCode = 1;
}
