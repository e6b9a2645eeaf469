/**
 * Leases from real brokers on scripts/cluster: how long one takes, how many a leader grants in a second, and what a
 * broker costs while nothing happens. Unaware of builds.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { lookAtNodes, startBrokers } from './bench-brokers.js';
import { BenchCluster, removeTree } from './bench-cluster.js';
import { publish } from './bench-docs.js';
import { readFlags } from './bench-flags.js';

/** Of a core, each node. */
const CPU = 100;
const SLOTS = 64;
const IDLE_SECONDS = 20;
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;

const { nodes, leases, write } = readFlags('bench-broker', { nodes: 5, leases: 2_000 });
if (nodes < 2 || leases < 100) throw new Error('--nodes wants 2 or more, --leases 100 or more');

const work = mkdtempSync('/var/tmp/pmake-bench-');
const cluster = new BenchCluster(work);
/** @type {(() => void) | undefined} */
let stopBrokers;
try {
  cluster.up(nodes, CPU);
  stopBrokers = await startBrokers(cluster, {
    nodes,
    cpu: CPU,
    slots: SLOTS,
    directory: join(work, 'brokers'),
    thresholds: 'adaptive',
  });
  // What a start costs is over by then.
  await delay(5_000);
  const idle = await watchIdle();
  const client = [process.execPath, fileURLToPath(new URL('./lease-client.js', import.meta.url)), String(leases)];
  const before = cluster.cpuSeconds(leaderOf(lookAtNodes(cluster)));
  const { status, output } = await cluster.run(1, client);
  if (status !== 0) throw new Error(`the client failed: ${output}`);
  const leaderCpuS = cluster.cpuSeconds(leaderOf(lookAtNodes(cluster))) - before;
  const figures = JSON.parse(output.trim().split('\n').at(-1) ?? '');
  const perGrantUs = (leaderCpuS * 1e6) / figures.leases;
  const table = [
    '| | |',
    '|---|---:|',
    `| request → lease, one at a time: middle | ${figures.p50Ms.toFixed(2)} ms |`,
    `| 99 % | ${figures.p99Ms.toFixed(2)} ms |`,
    `| leases a second, 64 asked for at once | ${Math.round(figures.perSecond)} |`,
    `| CPU of the leader's node a lease, its own slots included | ${Math.round(perGrantUs)} µs |`,
    `| an idle broker, of one core | ${(100 * idle.cpu).toFixed(2)} % |`,
    `| its memory | ${Math.round(idle.rssMib)} MiB |`,
  ];
  const command = `scripts/bench-broker --nodes ${nodes} --leases ${leases}`;
  await publish('broker', write, { command, figures: { ...figures, perGrantUs, idle }, remark: ':', table });
} finally {
  stopBrokers?.();
  cluster.down();
  removeTree(work);
}

/** @param {string} json @returns {number} */
function leaderOf(json) {
  return Number(JSON.parse(json).cluster.leader.node.replace('node', ''));
}

/** Of the broker of node 2: the share of a core, and its memory. */
async function watchIdle() {
  const read = () => cluster.exec(2, ['sh', '-c', 'cat /proc/$(pgrep -f cli/pmaked.js | head -n 1)/stat']).output;
  const before = fieldsOf(read());
  await delay(IDLE_SECONDS * 1_000);
  const after = fieldsOf(read());
  const cpu = (after.ticks - before.ticks) / TICKS_PER_SECOND / IDLE_SECONDS;
  return { cpu, rssMib: (after.pages * PAGE_BYTES) / 2 ** 20 };
}

/** @param {string} stat of /proc/PID/stat, proc(5) */
function fieldsOf(stat) {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return { ticks: (fields[11] ?? 0) + (fields[12] ?? 0), pages: fields[21] ?? 0 };
}
