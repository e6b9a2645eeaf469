/**
 * A cluster of namespaces made by scripts/cluster, one per test file, removed at its end. Unaware of pmake, except that
 * `pmakeNodes` has the form of PMAKE_NODES.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

export interface ClusterOptions {
  /** Percent of one core that each node gets; no limit by default. */
  readonly cpu?: number;
  /** Jobs at once that `pmakeNodes` gives for each node. */
  readonly slots?: number;
}

export interface Cluster extends AsyncDisposable {
  readonly size: number;
  /** Every node but the first, in the form of PMAKE_NODES. */
  readonly pmakeNodes: string;
  /** Runs `command` on node `index`. A non-zero status is in the result, not thrown; `all` is stdout and stderr. */
  readonly exec: (index: number, command: readonly string[], options?: ExecOptions) => ExecResult;
  /** Simulates a power cut. */
  readonly kill: (index: number) => Promise<void>;
  /** Simulates a pulled cable. */
  readonly cut: (index: number) => Promise<void>;
  /** Restores the cable or the power. */
  readonly heal: (index: number) => Promise<void>;
  /** CPU time of everything that has run on the node, in seconds; undefined if no control group counts it. */
  readonly cpuSeconds: (index: number) => number | undefined;
  /**
   * How long some process of the node has waited for a resource, in microseconds; undefined if no control group counts
   * it.
   */
  readonly stalledUs: (index: number, resource: 'cpu' | 'io' | 'memory') => number | undefined;
  /** Local path of the node's root directory, with the node's own /proc, /run and /tmp in it. */
  readonly rootOf: (index: number) => string;
}

export interface ExecOptions {
  /** Directory in which the command runs, on a node as locally; by default this process's. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}
export type ExecResult = ReturnType<typeof execThrough>;

const SCRIPT = fileURLToPath(new URL('../../scripts/cluster', import.meta.url));
const DEFAULT_SLOTS = 2;
/** Longer than any build in the tests, so that a hang becomes a failure with its output. */
const EXEC_TIMEOUT_MS = 1_500_000;

/** A kernel build with V=1 prints some 2 MB. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

let started = 0;

/** True if scripts/cluster can work on this machine. */
export function canHaveCluster(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Starts a cluster.
 * @throws Error with the script's message if the cluster does not come up
 */
export async function startCluster(size: number, options: ClusterOptions = {}): Promise<Cluster> {
  started += 1;
  const environment = { PMAKE_CLUSTER: `test-${process.pid}-${started}` };
  const run = async (...words: string[]) => {
    await execa(SCRIPT, words, { env: environment });
  };
  await run('up', String(size), ...(options.cpu === undefined ? [] : ['--cpu', String(options.cpu)]));
  const others = Array.from({ length: size - 1 }, (_, index) => `node${index + 2}/${options.slots ?? DEFAULT_SLOTS}`);
  return {
    size,
    pmakeNodes: others.join(' '),
    exec: (index, command, execOptions = {}) => execThrough(SCRIPT, environment, index, command, execOptions),
    kill: (index) => run('kill', String(index)),
    cut: (index) => run('cut', String(index)),
    heal: (index) => run('heal', String(index)),
    cpuSeconds: (index) => cpuSecondsOf(environment.PMAKE_CLUSTER, index),
    stalledUs: (index, resource) => stalledUsOf(environment.PMAKE_CLUSTER, index, resource),
    rootOf: (index) => rootOf(environment.PMAKE_CLUSTER, index),
    [Symbol.asyncDispose]: () => run('down'),
  };
}

function rootOf(name: string, index: number): string {
  const [pid = ''] = readFileSync(`/run/pmake-cluster/${name}/node${index}/init`, 'utf8').split(' ');
  return `/proc/${pid}/root`;
}

function groupsOf(name: string, index: number): string[] {
  return readFileSync(`/run/pmake-cluster/${name}/node${index}/groups`, 'utf8').split('\n').filter(Boolean);
}

function stalledUsOf(name: string, index: number, resource: string): number | undefined {
  for (const group of groupsOf(name, index)) {
    const total = /^some .*\btotal=(\d+)/m.exec(readIfThere(`${group}/${resource}.pressure`) ?? '');
    if (total) return Number(total[1]);
  }
  return undefined;
}

function cpuSecondsOf(name: string, index: number): number | undefined {
  for (const group of groupsOf(name, index)) {
    const v1 = readIfThere(`${group}/cpuacct.usage`);
    if (v1 !== undefined) return Number(v1) / 1e9;
    const v2 = /^usage_usec (\d+)$/m.exec(readIfThere(`${group}/cpu.stat`) ?? '');
    if (v2) return Number(v2[1]) / 1e6;
  }
  return undefined;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Runs `script exec index command`, for a script with the arguments of scripts/cluster; `cluster` selects the cluster.
 */
export function execThrough(
  script: string,
  cluster: Readonly<Record<string, string>>,
  index: number | string,
  command: readonly string[],
  options: ExecOptions,
) {
  return execa(script, ['exec', String(index), ...command], {
    // Input that ends: nothing on a node may wait for this terminal.
    input: options.input ?? '',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    // Nothing from the user's environment: MAKEFLAGS or PMAKE_NODES would change what is tested.
    extendEnv: false,
    env: { PATH: process.env.PATH, LC_ALL: 'C', ...runMark(), ...options.env, ...cluster },
    timeout: EXEC_TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
    reject: false,
    all: true,
  });
}

/** Marks the processes of tests, so that scripts/test can tell leftovers from unrelated processes. */
function runMark(): Record<string, string> {
  const mark = process.env.PMAKE_TEST_RUN;
  return mark === undefined ? {} : { PMAKE_TEST_RUN: mark };
}
