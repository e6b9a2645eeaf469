/**
 * Benchmark of real brokers on scripts/cluster: the latency of a lease, how many leases a leader grants per second, and
 * the cost of an idle broker. Unaware of builds.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { lookAtNodes, startBrokers } from './bench-brokers.js';
import { BenchCluster, removeTree } from './bench-cluster.js';
import { publish } from './bench-docs.js';
import { readFlags } from './bench-flags.js';
import { middle } from './bench-numbers.js';

/** Percent of a core for each node. */
const CPU = 100;
const SLOTS = 64;
const START_SECONDS = 20;
const IDLE_SECONDS = 30;
const PAGE_BYTES = 4_096;
/** The datagrams with which another node floods the leader. */
const NOISE_PER_SECOND = 10_000;
const NOISE_SECONDS = 15;
/** The defaults of pmaked. */
const NETWORK = { cluster: 'pmake', port: 7737 };

const { nodes, leases, write } = readFlags('bench-broker', { nodes: 5, leases: 2_000 });
if (nodes < 2 || leases < 100) throw new Error('--nodes must be 2 or more, --leases 100 or more');

const work = mkdtempSync('/var/tmp/pmake-bench-');
const cluster = new BenchCluster(work);
/** @type {(() => void) | undefined} */
let stopBrokers;
try {
  cluster.up(nodes, CPU);
  const brokers = await startBrokers(cluster, { nodes, cpu: CPU, slots: SLOTS, work, thresholds: 'adaptive' });
  stopBrokers = brokers.stop;
  // By then, the costs of a start are over: the standard compile, and V8's compiler for some ten seconds after it.
  await delay(START_SECONDS * 1_000);
  const idle = await watchIdle();
  const leader = leaderOf(lookAtNodes(cluster));
  const before = cluster.cpuSeconds(leader);
  const figures = await run(1, 'lease-client.js', [String(leases)]);
  const perGrantUs = ((cluster.cpuSeconds(leader) - before) * 1e6) / figures.leases;
  const flooded = await flood(leader, brokers.key);
  const table = [
    '| | |',
    '|---|---:|',
    `| request → lease, one at a time: median | ${figures.p50Ms.toFixed(2)} ms |`,
    `| 99 % | ${figures.p99Ms.toFixed(2)} ms |`,
    `| leases per second, 64 requested at once | ${Math.round(figures.perSecond)} |`,
    `| CPU of the leader's node per lease, its own slots included | ${Math.round(perGrantUs)} µs |`,
    `| an idle broker, share of one core | ${(100 * idle.cpu).toFixed(2)} % |`,
    `| the idle leader | ${(100 * idle.leaderCpu).toFixed(2)} % |`,
    `| its memory | ${Math.round(idle.rssMib)} MiB |`,
    `| request → lease while the leader gets ${Math.round(flooded.perSecond)} datagrams of noise per second: median | ${flooded.client.p50Ms.toFixed(2)} ms |`,
    `| 99 % | ${flooded.client.p99Ms.toFixed(2)} ms |`,
    `| leases per second, 64 requested at once | ${Math.round(flooded.client.perSecond)} |`,
    `| cost of the noise for the leader, share of one core | ${(100 * flooded.cpu).toFixed(0)} % |`,
  ];
  const command = `scripts/bench-broker --nodes ${nodes} --leases ${leases}`;
  await publish('broker', write, { command, figures: { ...figures, perGrantUs, idle, flooded }, remark: ':', table });
} finally {
  stopBrokers?.();
  cluster.down();
  removeTree(work);
}

/**
 * Runs a program of scripts/lib and returns its line of JSON. @param {number} node @param {string} name @param
 * {readonly string[]} words
 */
async function run(node, name, words) {
  const program = fileURLToPath(new URL(`./${name}`, import.meta.url));
  const { status, output } = await cluster.run(node, [process.execPath, program, ...words]);
  if (status !== 0) throw new Error(`${name} failed: ${output}`);
  return JSON.parse(output.trim().split('\n').at(-1) ?? '');
}

/**
 * Runs the same client while another node floods the leader; then measures the cost of the flood without the client.
 * @param {number} leader
 * @param {string} key
 */
async function flood(leader, key) {
  const from = leader === nodes ? nodes - 1 : nodes;
  const noise = [
    NETWORK.cluster,
    key,
    String(NOISE_PER_SECOND),
    String(NOISE_SECONDS),
    `node${leader}:${NETWORK.port}`,
  ];
  const flooding = run(from, 'noise-sender.js', noise);
  const client = await run(1, 'lease-client.js', [String(leases)]);
  const before = { cpu: cluster.cpuSeconds(leader), ms: performance.now() };
  const { sent, seconds } = await flooding;
  const cpu = (1_000 * (cluster.cpuSeconds(leader) - before.cpu)) / (performance.now() - before.ms);
  const now = leaderOf(lookAtNodes(cluster));
  if (now !== leader) throw new Error(`node ${now} leads, and before the noise it was node ${leader}`);
  return { client, cpu, perSecond: sent / seconds };
}

/** @param {string} json @returns {number} */
function leaderOf(json) {
  return Number(JSON.parse(json).cluster.leader.node.replace('node', ''));
}

/** The idle brokers' share of a core, for the leader and as the median of the others, and their memory. */
async function watchIdle() {
  const leader = leaderOf(lookAtNodes(cluster));
  // A node's control group contains only its broker.
  const used = () => Array.from({ length: nodes }, (_, index) => cluster.cpuSeconds(index + 1));
  const before = used();
  await delay(IDLE_SECONDS * 1_000);
  const shares = used().map((seconds, index) => (seconds - (before[index] ?? 0)) / IDLE_SECONDS);
  const [leaderCpu = NaN] = shares.splice(leader - 1, 1);
  return { cpu: middle(shares), leaderCpu, rssMib: (pagesOf(2) * PAGE_BYTES) / 2 ** 20 };
}

/** @param {number} node */
function pagesOf(node) {
  const { output } = cluster.exec(node, [
    'sh',
    '-c',
    `cat /proc/$(pgrep -f 'cli/[p]maked.js.*pmaked${node}.json')/statm`,
  ]);
  return Number(output.split(' ')[1]);
}
