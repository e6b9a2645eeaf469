/**
 * Nodes of a benchmark, from scripts/cluster: it runs commands on them and reads the CPU time that a node has used.
 * Unaware of what is measured.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const SCRIPT = join(dirname(dirname(fileURLToPath(import.meta.url))), 'cluster');
const POLL_MS = 100;
/** Longer than any benchmark; the processes that keep the processors awake end after this in any case. */
const AWAKE_SECONDS = 10_800;
/** The minimum share of a contended processor for a control group, in v1 and v2. */
const LEAST_SHARE = { 'cpu.shares': '2', 'cpu.weight': '1' };

export class BenchCluster {
  #name = `bench-${process.pid}`;
  /** @type {import('node:child_process').ChildProcess[]} */
  #awake = [];

  /** @param {string} work a directory that is removed with the cluster when a signal ends this process */
  constructor(work) {
    for (const [name, number] of Object.entries({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1 })) {
      process.once(name, () => {
        this.down();
        removeTree(work);
        process.exit(128 + number);
      });
    }
  }

  /**
   * @param {number} nodes
   * @param {number} cpuPercent
   * @param {boolean} keepsAwake not where single calls are timed: a process that wakes up would wait for the end of a
   * time
   *   slice, because the idle class counts only within a control group
   */
  up(nodes, cpuPercent, keepsAwake = true) {
    this.#script(['up', String(nodes), '--cpu', String(cpuPercent)]);
    if (keepsAwake) this.#keepAwake();
  }

  down() {
    // SIGTERM, because timeout(1) then also ends its loop.
    for (const child of this.#awake.splice(0)) child.kill();
    this.#script(['down']);
  }

  /**
   * Runs a command to its end.
   * @param {number} node
   * @param {readonly string[]} words
   * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} options
   * @returns {{ status: number, output: string }}
   */
  exec(node, words, options = {}) {
    const result = spawnSync(SCRIPT, ['exec', String(node), ...words], {
      cwd: options.cwd,
      env: this.#env(options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    return { status: result.status ?? 128, output: `${result.stdout}${result.stderr}` };
  }

  /**
   * Runs a command to its end without blocking this process.
   * @param {number} node
   * @param {readonly string[]} words
   * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} options
   * @returns {Promise<{ status: number, output: string }>}
   */
  async run(node, words, options = {}) {
    const child = spawn(SCRIPT, ['exec', String(node), ...words], {
      cwd: options.cwd,
      env: this.#env(options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    /** @type {Buffer[]} */
    const output = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => output.push(bytes));
    const status = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 128));
    });
    return { status, output: Buffer.concat(output).toString('utf8') };
  }

  /**
   * Starts a daemon that stays in the foreground; it ends with the cluster.
   * @param {number} node
   * @param {readonly string[]} words
   */
  start(node, words) {
    spawn(SCRIPT, ['exec', String(node), ...words], { env: this.#env({}), stdio: 'ignore' });
  }

  /**
   * @param {string} what for the message
   * @param {() => boolean} isSo
   */
  async until(what, isSo, limitMs = 60_000) {
    const deadline = Date.now() + limitMs;
    while (!isSo()) {
      if (Date.now() > deadline) throw new Error(`${what} did not happen within ${limitMs / 1000} s`);
      await delay(POLL_MS);
    }
  }

  /** User and system time of everything that has run on `node`, in seconds. @param {number} node */
  cpuSeconds(node) {
    const groups = this.#groups(node);
    for (const group of groups) {
      const v1 = join(group, 'cpuacct.usage');
      if (existsSync(v1)) return Number(readFileSync(v1, 'utf8')) / 1e9;
      const usage = /^usage_usec (\d+)$/m.exec(readFileSync(join(group, 'cpu.stat'), 'utf8'));
      if (usage) return Number(usage[1]) / 1e6;
    }
    throw new Error('no control group of the node counts CPU time');
  }

  /**
   * Starts processes that use otherwise idle processors. Under quotas, processors halt many times a second, and in a
   * virtual machine, a halted one is given to others and returns with cold caches: the same compile then cost a third
   * more CPU time, and the more of the quota a contender used, the more it cost. The idle class alone does not suffice:
   * it counts within a control group or a session, which as a whole would get as much of a processor as all the nodes.
   */
  #keepAwake() {
    // Its name makes `down` remove it with the nodes' groups.
    const group = join(dirname(this.#groups(1)[0] ?? ''), 'node-awake');
    mkdirSync(group);
    for (const [file, value] of Object.entries(LEAST_SHARE)) {
      if (existsSync(join(group, file))) writeFileSync(join(group, file), value);
    }
    const enter = `echo $$ >${group}/cgroup.procs && exec timeout ${AWAKE_SECONDS} chrt --idle 0 sh -c 'while :; do :; done'`;
    for (let index = 0; index < availableParallelism(); index += 1) {
      this.#awake.push(spawn('sh', ['-c', enter], { stdio: 'ignore' }));
    }
  }

  /** The control groups of a node, that of the quota first. @param {number} node */
  #groups(node) {
    const path = `/run/pmake-cluster/${this.#name}/node${node}/groups`;
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  }

  /** @param {NodeJS.ProcessEnv} [extra] @returns {NodeJS.ProcessEnv} */
  #env(extra) {
    return { PATH: process.env.PATH, LC_ALL: 'C', ...extra, PMAKE_CLUSTER: this.#name };
  }

  /** @param {readonly string[]} words */
  #script(words) {
    const result = spawnSync(SCRIPT, words, { env: this.#env(), stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
    if (result.status !== 0) throw new Error(result.stderr.trim() || `scripts/cluster ${words.join(' ')} failed`);
  }
}

/** Uses rm, because Node's function takes minutes for a kernel tree. @param {string} path */
export function removeTree(path) {
  execFileSync('rm', ['-rf', path]);
}
