/**
 * Processes on a node of a cluster, from its own /proc. Nodes that are namespaces of this machine are read from
 * outside: tests poll, and each process started for that takes time from what they wait for.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

/** Nodes with kernels of their own have a /proc that can only be read on the node. */
type Nodes = Pick<Cluster, 'exec'> & Partial<Pick<Cluster, 'rootOf'>>;

/**
 * Pids on node `index` of processes that run `program`: the name of a command, or the absolute path of an executable.
 */
export async function pidsOf(cluster: Nodes, index: number, program: string): Promise<number[]> {
  if (cluster.rootOf !== undefined) {
    const runs = program.startsWith('/')
      ? (process: string) => linkOf(join(process, 'exe')) === program
      : (process: string) => textOf(join(process, 'comm')).trimEnd() === program;
    return pidsWhere(cluster.rootOf, index, runs);
  }
  const script = program.startsWith('/')
    ? 'for p in /proc/[0-9]*; do [ "$(readlink $p/exe)" = "$0" ] && echo ${p#/proc/}; done; :'
    : 'for p in /proc/[0-9]*; do read -r n <$p/comm && [ "$n" = "$0" ] && echo ${p#/proc/}; done 2>/dev/null; :';
  const { stdout } = await cluster.exec(index, ['sh', '-c', script, program]);
  return stdout.split('\n').filter(Boolean).map(Number);
}

/** Pids of processes on node `index` with `text` in an argument, except the shell that searches. */
export async function pidsByWord(cluster: Nodes, index: number, text: string): Promise<number[]> {
  if (cluster.rootOf !== undefined) {
    return pidsWhere(cluster.rootOf, index, (process) => textOf(join(process, 'cmdline')).includes(text));
  }
  const script =
    'for p in /proc/[0-9]*; do [ ${p#/proc/} != $$ ] && tr "\\0" "\\n" <$p/cmdline | grep -qF "$0" && echo ${p#/proc/}; done 2>/dev/null; :';
  const { stdout } = await cluster.exec(index, ['sh', '-c', script, text]);
  return stdout.split('\n').filter(Boolean).map(Number);
}

/** Pids on node `index` of shims: files of a masquerade, whatever their names. */
export function pidsOfShims({ rootOf }: Pick<Cluster, 'rootOf'>, index: number): number[] {
  return pidsWhere(rootOf, index, (process) => linkOf(join(process, 'exe')).includes('/pmake/masquerade/'));
}

/** Numbers in ascending order; empty if the node is down. */
function pidsWhere(rootOf: Cluster['rootOf'], index: number, isWanted: (process: string) => boolean): number[] {
  let proc: string;
  let names: string[];
  try {
    proc = join(rootOf(index), 'proc');
    names = readdirSync(proc);
  } catch {
    return [];
  }
  const pids = names.filter((name) => /^\d+$/.test(name) && isWanted(join(proc, name)));
  return pids.map(Number).sort((one, other) => one - other);
}

/** Empty if the process has just ended. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

export async function signal(
  cluster: Pick<Cluster, 'exec'>,
  index: number,
  name: string,
  pids: readonly (number | string)[],
): Promise<void> {
  // 0 would be the group of the test itself: a process group reaches across namespaces.
  const wanted = pids.filter((pid) => Number.isFinite(Number(pid)) && Number(pid) !== 0);
  // The shell's built-in: kill(1) of procps 4.0.2 takes group -59 for signal 59.
  if (wanted.length > 0)
    await cluster.exec(index, ['sh', '-c', 'kill -s "$@"', 'sh', name, '--', ...wanted.map(String)]);
}

/** Every command line on node `index`, except those of the search and what every node runs (its init, sshd, sleep). */
export async function foreignProcesses(cluster: Pick<Cluster, 'exec'>, index: number): Promise<string[]> {
  const script =
    'for p in /proc/[0-9]*; do [ ${p#/proc/} != $$ ] && tr "\\0" " " <$p/cmdline && echo; done 2>/dev/null; :';
  const { stdout } = await cluster.exec(index, ['sh', '-c', script]);
  const usual = /^$|^\S*bash \S*scripts\/cluster --init |^sshd: \S+ -f \/run\/node|^sleep infinity|^sh -c for p in/;
  return stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !usual.test(line));
}
