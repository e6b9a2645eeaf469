/**
 * Brokers for a benchmark: a pmaked on every node of its cluster. The nodes share one kernel, so each broker gets a
 * separate /proc/stat, with the usage of the node's control group relative to its quota. Unaware of what is measured.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./bench-cluster.js').BenchCluster} BenchCluster */

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const TICKS_PER_SECOND = 100;
const STAT_INTERVAL_MS = 200;
const STATS = 'stats';
/** A line overwrites the previous one in a single write, so it must not get shorter. */
const NUMBER_WIDTH = 12;

/**
 * @typedef {object} BrokersOptions
 * @property {number} nodes
 * @property {number} cpu percent of a core that a node has
 * @property {number} slots of each node but the first, which offers none
 * @property {string} work a directory that all nodes see
 * @property {string} thresholds a preset
 */

/**
 * Resolves when the first node's free list has all others, with the path of the cluster's key and the function that
 * ends the updates of /proc/stat.
 * @param {BenchCluster} cluster
 * @param {BrokersOptions} options
 * @returns {Promise<{ key: string, stop: () => void }>}
 */
export async function startBrokers(cluster, { nodes, cpu, slots, work, thresholds }) {
  const directory = mkdtempSync(join(work, 'brokers-'));
  // A directory apart from the configurations, because brokers watch theirs.
  mkdirSync(join(directory, STATS));
  const key = join(directory, 'cluster.key');
  writeFileSync(key, randomBytes(16).toString('hex'), { mode: 0o600 });
  const stop = writeStats(cluster, { nodes, cpu, directory });
  for (let node = 1; node <= nodes; node += 1) {
    const config = join(directory, `pmaked${node}.json`);
    const state = join(directory, `state${node}`);
    const broker = { key, node: `node${node}`, slots: node === 1 ? 0 : slots, thresholds, state };
    writeFileSync(config, JSON.stringify({ broker }));
    const script = `mount --bind ${statPath(directory, node)} /proc/stat && exec ${DIST}cli/pmaked.js --config ${config}`;
    cluster.start(node, ['sh', '-c', script]);
  }
  const areFree = () => (lookAtNodes(cluster).match(/"state": "free"/g) ?? []).length === nodes - 1;
  await cluster.until('a free list of all nodes', areFree);
  // A broker times a compile at its first start, which takes seconds of CPU time that no build should pay for.
  const states = Array.from({ length: nodes }, (_, index) => join(directory, `state${index + 1}`, 'state.json'));
  await cluster.until('the standard compiles', () =>
    states.every((path) => 'speed' in JSON.parse(readFileSync(path, 'utf8'))),
  );
  return { key, stop };
}

/** Returns the output of `pmakectl nodes --json` on the submit host. @param {BenchCluster} cluster */
export function lookAtNodes(cluster) {
  return cluster.exec(1, [`${DIST}cli/pmakectl.js`, 'nodes', '--json']).output;
}

/** @param {string} directory @param {number} node */
function statPath(directory, node) {
  return join(directory, STATS, `node${node}`);
}

/** @param {BenchCluster} cluster @param {{ nodes: number, cpu: number, directory: string }} options */
function writeStats(cluster, { nodes, cpu, directory }) {
  const startMs = performance.now();
  const files = Array.from({ length: nodes }, (_, index) => openSync(statPath(directory, index + 1), 'w'));
  const ticks = (/** @type {number} */ seconds) =>
    String(Math.round(seconds * TICKS_PER_SECOND)).padStart(NUMBER_WIDTH, '0');
  const write = () => {
    // The time that the quota allows: a node that uses all of it is never idle.
    const seconds = ((performance.now() - startMs) / 1_000) * (cpu / 100);
    for (const [index, file] of files.entries()) {
      const busy = Math.min(seconds, cluster.cpuSeconds(index + 1));
      const line = `${ticks(busy)} 0 0 ${ticks(seconds - busy)} 0 0 0 0 0 0`;
      writeSync(file, `cpu  ${line}\ncpu0 ${line}\nintr 0\nctxt 0\nbtime 1\nprocesses 1\n`, 0);
    }
  };
  write();
  const timer = setInterval(write, STAT_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    for (const file of files) closeSync(file);
  };
}
