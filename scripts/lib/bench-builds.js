#!/usr/bin/env node
/**
 * Builds a project with each contender on the same nodes, and compares them; scripts/bench-kernel and bench-cpp set it
 * up. Called as: bench-builds.js PROJECT [FLAG...] Everything it creates is in one directory under /var/tmp and in one
 * cluster, both of which are removed at the end.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BenchCluster, removeTree } from './bench-cluster.js';
import { CONTENDERS } from './bench-contenders.js';
import { publish } from './bench-docs.js';
import { PROJECTS } from './bench-projects.js';
import { tableOf } from './bench-report.js';

/** @typedef {import('./bench-report.js').Run} Run */

const LIB = dirname(fileURLToPath(import.meta.url));
const [NAME = '', ...FLAGS] = process.argv.slice(2);
const PROJECT = PROJECTS.find(({ name }) => name === NAME);

/** @param {string} text */
function say(text) {
  process.stderr.write(`bench-${NAME}: ${text}\n`);
}

/**
 * Builds once at full speed with the real compiler, and keeps the results for the free one.
 * @param {import('./bench-projects.js').Project} project
 * @param {{ tree: string, stash: string, freeBin: string }} place
 */
function record({ target, env: own }, { tree, stash, freeBin }) {
  mkdirSync(freeBin, { recursive: true });
  execFileSync('cc', ['-O2', '-o', join(freeBin, 'gcc'), join(LIB, 'free-cc.c')], { stdio: 'inherit' });
  for (const name of ['cc', 'g++']) symlinkSync('gcc', join(freeBin, name));
  const free = { PATH: `${freeBin}:${process.env.PATH ?? ''}`, FREE_CC_STASH: stash, FREE_CC_RECORD: '1' };
  const env = { ...process.env, ...own, ...free };
  execFileSync('make', [`-j${availableParallelism()}`, target], { cwd: tree, stdio: 'ignore', env });
}

/** Node by node. @param {import('./bench-contenders.js').Setting} setting */
function cpuOfAll({ cluster, nodes }) {
  return Array.from({ length: nodes }, (_, index) => cluster.cpuSeconds(index + 1));
}

/** @param {string} path */
function hash(path) {
  return existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'none';
}

/** @param {import('./bench-projects.js').Project} project @returns {Promise<void>} */
async function main(project) {
  const { values } = parseArgs({
    args: FLAGS,
    options: {
      nodes: { type: 'string', default: project.cluster.nodes },
      cpu: { type: 'string', default: project.cluster.cpu },
      slots: { type: 'string', default: project.cluster.slots },
      only: { type: 'string', default: project.contenders.join(',') },
      rounds: { type: 'string', default: '1' },
      write: { type: 'boolean', default: false },
    },
  });
  const [nodes, cpu, slots] = [Number(values.nodes), Number(values.cpu), Number(values.slots)];
  const rounds = Number(values.rounds);
  const names = values.only.split(',');
  const unknown = names.filter((name) => !CONTENDERS.some((contender) => contender.name === name));
  if (!(nodes >= 2 && cpu > 0 && slots > 0 && rounds > 0)) {
    throw new Error('--nodes (2 or more), --cpu, --slots and --rounds must be numbers');
  }
  if (unknown.length > 0) throw new Error(`--only does not know ${unknown.join(', ')}`);
  const work = mkdtempSync('/var/tmp/pmake-bench-');
  const cluster = new BenchCluster(work);
  const place = { tree: join(work, project.name), stash: join(work, 'stash'), freeBin: join(work, 'bin') };
  try {
    const source = project.source(work);
    const makeTree = () => source(place.tree);
    const { target, env: projectEnv } = project;
    const setting = { cluster, nodes, cpu, slots, work, target, makeTree, projectEnv, ...place };
    makeTree();
    say('building once at full speed, for the floor and to compare with');
    record(project, place);
    const expected = hash(join(place.tree, project.target));
    /** @type {Run[]} */
    const runs = [];
    const chosen = CONTENDERS.filter(({ name }) => names.includes(name));
    // Contenders run round by round, so that a machine that slows down over an hour affects all of them.
    for (const contender of Array.from({ length: rounds }, () => chosen).flat()) {
      makeTree();
      // Each contender gets fresh nodes, so that nothing of the previous one is still running.
      cluster.up(nodes, cpu);
      try {
        runs.push(await measure(contender, setting, expected));
      } finally {
        cluster.down();
      }
    }
    const only = values.only === project.contenders.join(',') ? '' : ` --only ${names.join(',')}`;
    const flags = `--nodes ${nodes} --cpu ${cpu} --slots ${slots} --rounds ${rounds}${only}`;
    await publish(project.name, values.write, {
      command: `scripts/bench-${project.name} ${flags}`,
      figures: { nodes, cpu, slots, runs },
      remark: [
        `: ${nodes} nodes with ${cpu} % of a core each, node 1 submits,`,
        `${slots} jobs at once on each of the others. Figures are medians of the rounds; a ratio compares builds of one round.`,
      ].join('\n'),
      table: tableOf(runs),
    });
  } finally {
    removeTree(work);
  }
}

/**
 * @param {import('./bench-contenders.js').Contender} contender
 * @param {import('./bench-contenders.js').Setting} setting
 * @param {string} expected the hash of what it must make
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
 * @param {import('./bench-contenders.js').Setting} setting
 * @param {string} expected the hash of what it must make
 * @returns {Promise<Run>}
 */
async function measureBuild(contender, setting, expected) {
  const { cluster, target, tree, projectEnv } = setting;
  const { words, env, shown } = contender.command(setting);
  say(`${contender.name}: ${shown}`);
  const cpuBefore = cpuOfAll(setting);
  const startMs = performance.now();
  const { status, output } = await cluster.run(1, words, { cwd: tree, env: { ...env, ...projectEnv } });
  const wallS = (performance.now() - startMs) / 1000;
  const [submitCpuS = 0, ...others] = cpuOfAll(setting).map((seconds, index) => seconds - (cpuBefore[index] ?? 0));
  const nodesCpuS = others.reduce((sum, seconds) => sum + seconds, 0);
  if (status !== 0) throw new Error(`${contender.name} failed with status ${status}:\n${output.slice(-2_000)}`);
  const isIdentical = hash(join(tree, target)) === expected;
  const cpu = `${submitCpuS.toFixed(1)} s of CPU on node 1, ${nodesCpuS.toFixed(1)} on the others`;
  say(`${contender.name}: ${wallS.toFixed(1)} s, ${cpu}, identical: ${isIdentical}`);
  return { name: contender.name, shown, wallS, submitCpuS, nodesCpuS, isIdentical };
}

try {
  if (!PROJECT) throw new Error(`PROJECT is one of ${PROJECTS.map(({ name }) => name).join(', ')}`);
  await main(PROJECT);
} catch (cause) {
  say(cause instanceof Error ? cause.message : String(cause));
  process.exitCode = 1;
}
