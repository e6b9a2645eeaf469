/**
 * Contenders in scripts/bench-kernel and scripts/bench-cpp, and what each needs before the clock starts.
 * Node 1 is the submit host; the others compile. Unaware of clocks and tables.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBrokers } from './bench-brokers.js';

/**
 * @typedef {import('./bench-cluster.js').BenchCluster} BenchCluster
 * @typedef {object} Setting
 * @property {BenchCluster} cluster
 * @property {number} nodes
 * @property {number} cpu percent of a core that a node has
 * @property {number} slots jobs at once on each node but the first
 * @property {string} work a directory that all nodes see
 * @property {string} target make's
 * @property {string} tree where it builds
 * @property {() => void} makeTree recreates the tree
 * @property {NodeJS.ProcessEnv} projectEnv for every make
 * @property {string} stash the results that the free compiler puts in place
 * @property {string} freeBin the free compiler's directory
 *
 * @typedef {object} Contender
 * @property {string} name
 * @property {(setting: Setting) => Promise<(() => void) | void>} prepare resolves with a function to call after the
 * build
 * @property {(setting: Setting) => { words: string[], env: NodeJS.ProcessEnv, shown: string }} command
 */

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const PATH = process.env.PATH ?? '';
/** Jobs in excess of the nodes' slots: recipes in transit, links, shells. */
const EXTRA_JOBS = 2;
const LOCAL_JOBS = 2;
const SHOWN_NODES = 8;
const DISTCC_PORT = 3632;

/** @param {Setting} setting */
function jobsOf({ nodes, slots }) {
  return `-j${(nodes - 1) * slots + EXTRA_JOBS}`;
}

/** @param {Setting} setting @returns {number[]} */
function others({ nodes }) {
  return Array.from({ length: nodes - 1 }, (_, index) => index + 2);
}

/** @param {Setting} setting @returns {string[]} */
function nodeSlots(setting) {
  return others(setting).map((node) => `node${node}/${setting.slots}`);
}

/** The format of PMAKE_NODES and DISTCC_HOSTS. @param {Setting} setting */
function nodeList(setting) {
  return nodeSlots(setting).join(' ');
}

/** For a table: if there are many nodes, only the first two and the last. @param {Setting} setting */
function shownNodes(setting) {
  const all = nodeSlots(setting);
  return (all.length > SHOWN_NODES ? [...all.slice(0, 2), '...', all.at(-1)] : all).join(' ');
}

/** @type {Contender} */
const floor = {
  name: 'floor',
  prepare: async () => {},
  command: (setting) => ({
    words: ['make', jobsOf(setting), setting.target],
    env: { PATH: `${setting.freeBin}:${PATH}`, FREE_CC_STASH: setting.stash },
    shown: `PATH=a compiler that copies kept objects: make ${jobsOf(setting)} ${setting.target}`,
  }),
};

/** @type {Contender} */
const local = {
  name: 'local',
  prepare: async () => {},
  command: (setting) => ({
    words: ['make', `-j${LOCAL_JOBS}`, setting.target],
    env: { PATH },
    shown: `make -j${LOCAL_JOBS} ${setting.target}`,
  }),
};

/** @type {Contender} */
const pmake = {
  name: 'pmake',
  prepare: async () => {},
  command: (setting) => ({
    words: [join(ROOT, 'dist/cli/pmake.cjs'), setting.target],
    env: { PATH, PMAKE_NODES: nodeList(setting) },
    shown: `PMAKE_NODES="${shownNodes(setting)}" pmake ${setting.target}`,
  }),
};

/**
 * A second build: the dispatcher is up, and has learned how long compiles take and which options the compiler supports.
 * @type {Contender}
 */
const again = {
  name: 'again',
  prepare: async (setting) => {
    const { cluster, tree, projectEnv, makeTree } = setting;
    const { words, env } = pmake.command(setting);
    const { status, output } = await cluster.run(1, words, { cwd: tree, env: { ...env, ...projectEnv } });
    if (status !== 0) throw new Error(`the first build failed with status ${status}:\n${output.slice(-2_000)}`);
    makeTree();
  },
  command: (setting) => {
    const { words, env, shown } = pmake.command(setting);
    return { words, env, shown: `${shown}, a second time on a fresh tree` };
  },
};

/** The user asked for no migration: make without shims, below pmake. @type {Contender} */
const off = {
  name: 'off',
  prepare: async () => {},
  command: (setting) => ({
    words: [join(ROOT, 'dist/cli/pmake.cjs'), '--pmake-local', `-j${LOCAL_JOBS}`, setting.target],
    env: { PATH },
    shown: `pmake --pmake-local -j${LOCAL_JOBS} ${setting.target}`,
  }),
};

/** @param {string} name @param {string} thresholds @returns {Contender} */
function withBrokers(name, thresholds) {
  return {
    name,
    prepare: async ({ cluster, nodes, cpu, slots, work }) =>
      (await startBrokers(cluster, { nodes, cpu, slots, thresholds, work })).stop,
    command: (setting) => ({
      words: [join(ROOT, 'dist/cli/pmake.cjs'), setting.target],
      env: { PATH },
      shown: `pmake ${setting.target}, a pmaked with thresholds "${thresholds}" on every node`,
    }),
  };
}

/** @type {Contender} */
const distcc = {
  name: 'distcc',
  prepare: async (setting) => {
    const { cluster, slots } = setting;
    for (const node of others(setting)) {
      const limits = ['--jobs', String(slots), '--allow', '10.77.0.0/24', '--listen', `10.77.0.${node}`];
      const daemon = ['distccd', '--no-detach', '--daemon', ...limits, '--log-file', '/tmp/distccd.log'];
      cluster.start(node, daemon);
      const look = ['bash', '-c', `exec 3<>/dev/tcp/10.77.0.${node}/${DISTCC_PORT}`];
      await cluster.until(`distccd on node${node}`, () => cluster.exec(1, look).status === 0);
    }
  },
  command: (setting) => ({
    words: ['make', jobsOf(setting), setting.target],
    env: { PATH: `/usr/lib/distcc:${PATH}`, DISTCC_HOSTS: nodeList(setting) },
    shown: `DISTCC_HOSTS="${shownNodes(setting)}" make ${jobsOf(setting)} ${setting.target}`,
  }),
};

/** @type {Contender} */
const icecream = {
  name: 'icecream',
  prepare: async (setting) => {
    const { cluster, nodes, slots, work } = setting;
    // The compiler's archive is created before the clock starts: on a quarter of a core, it takes longer than the
    // build.
    const directory = join(work, 'icecc-environment');
    if (!existsSync(directory)) {
      mkdirSync(directory);
      execFileSync('icecc', ['--build-native'], { cwd: directory, stdio: 'ignore' });
    }
    cluster.start(1, ['icecc-scheduler', '-n', 'bench']);
    const log = '/tmp/iceccd.log';
    const flags = ['-n', 'bench', '-s', '10.77.0.1', '-b', '/tmp/icecc', '-vv', '-l', log];
    for (let node = 1; node <= nodes; node += 1) {
      const make = `mkdir -p /run/icecc /tmp/icecc && touch ${log} && chown icecc /run/icecc /tmp/icecc ${log}`;
      if (cluster.exec(node, ['sh', '-c', make]).status !== 0) throw new Error(`node${node} has no user icecc`);
      const role = node === 1 ? ['--no-remote', '-m', '1'] : ['-m', String(slots)];
      cluster.start(node, ['iceccd', ...flags, '-N', `node${node}`, ...role]);
    }
    for (let node = 1; node <= nodes; node += 1) {
      const isIn = () => cluster.exec(node, ['grep', '-q', 'Connected to scheduler', log]).status === 0;
      await cluster.until(`the login of node${node}'s iceccd`, isIn);
    }
  },
  command: (setting) => {
    const directory = join(setting.work, 'icecc-environment');
    const archive = readdirSync(directory).find((name) => /\.tar/.test(name)) ?? '';
    return {
      words: ['make', jobsOf(setting), setting.target],
      env: { PATH: `/usr/lib/icecc/bin:${PATH}`, ICECC_VERSION: join(directory, archive) },
      shown: `PATH=/usr/lib/icecc/bin: make ${jobsOf(setting)} ${setting.target}`,
    };
  },
};

/** The short ones come first, so that a mistake is noticed early. */
export const CONTENDERS = [
  floor,
  pmake,
  again,
  withBrokers('pmaked', 'adaptive'),
  withBrokers('cpu-only', 'cpu-only'),
  distcc,
  icecream,
  local,
  off,
];
