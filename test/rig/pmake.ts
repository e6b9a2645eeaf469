/**
 * pmake as a user on node 1 of a cluster calls it, and pmakectl's reports afterwards. The programs are those of dist/,
 * made by `npm run build`.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BuildReport, DispatcherStatus, JobRecord, NodeStatus } from '../../src/protocol/control.ts';
import type { Cluster, ExecOptions, ExecResult } from './cluster.ts';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
export const PMAKE = `${DIST}shims/pmake`;
export const PMAKECTL = `${DIST}cli/pmakectl.js`;
export const PCC = `${DIST}shims/pcc`;

/** @throws Error if dist/ has not been built */
export function needBuild(): void {
  for (const program of [PMAKE, PMAKECTL, PCC]) {
    if (!existsSync(program)) throw new Error(`${program} is missing: run 'npm run build' first`);
  }
}

const NODES_UP_MS = 30_000;

/** A cluster of namespaces, or of kernels. */
export type PmakeCluster = Pick<Cluster, 'exec' | 'pmakeNodes'>;

export interface PmakeOptions extends ExecOptions {
  /** Value of PMAKE_NODES; by default every node of the cluster but the first. */
  readonly nodes?: string;
}

/** Runs pmake with these arguments in `cwd` on node 1. */
export function pmake(
  cluster: PmakeCluster,
  cwd: string,
  words: readonly string[],
  options: PmakeOptions = {},
): ExecResult {
  const env = { PMAKE_NODES: options.nodes ?? cluster.pmakeNodes, ...options.env };
  return cluster.exec(1, [PMAKE, ...words], { ...options, cwd, env });
}

/** Starts the dispatcher on node 1, and waits until it has tried every node. */
export async function startDispatcher(cluster: PmakeCluster): Promise<void> {
  await pmake(cluster, '/', ['--eval=all:;@:', 'all']);
  const deadline = Date.now() + NODES_UP_MS;
  while ((await nodeStates(cluster)).some((node) => node.state !== 'up' && node.state !== 'refused')) {
    if (Date.now() > deadline) throw new Error('the dispatcher is still connecting to its nodes');
  }
}

/** The output of `pmakectl explain` about the last build on node 1. */
export async function lastBuild(cluster: PmakeCluster): Promise<BuildReport> {
  return (await askPmakectl(cluster, ['explain'])) as BuildReport;
}

/** Jobs on a silent node are retried elsewhere while slots are idle, either before or after the node is given up. */
export function madeElsewhere({ retries, startedTwice }: BuildReport): number {
  return retries + startedTwice;
}

export async function nodeStates(cluster: PmakeCluster): Promise<readonly NodeStatus[]> {
  return (await askPmakectl(cluster, ['nodes'])) as readonly NodeStatus[];
}

export async function dispatcherStatus(cluster: PmakeCluster): Promise<DispatcherStatus> {
  return (await askPmakectl(cluster, ['status'])) as DispatcherStatus;
}

export async function stopDispatcher(cluster: PmakeCluster): Promise<void> {
  await cluster.exec(1, [PMAKECTL, 'stop']);
}

/** The compiles of a build: one job per source, without links, archives and kbuild's option probes. */
export function compilesOf(report: BuildReport): { readonly here: JobRecord[]; readonly there: JobRecord[] } {
  const compiles = report.records.filter((record) => /\.(c|S|cc|cpp)$/.test(record.file));
  return {
    here: compiles.filter((record) => record.where === 'here'),
    there: compiles.filter((record) => record.where !== 'here'),
  };
}

async function askPmakectl(cluster: PmakeCluster, words: readonly string[]): Promise<unknown> {
  const { stdout, all } = await cluster.exec(1, [PMAKECTL, ...words, '--json']);
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`pmakectl ${words.join(' ')} --json gave no JSON: ${all}`);
  }
}
