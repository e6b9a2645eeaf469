/** What runs on a node of a cluster, as its own /proc shows it. */
import type { Cluster } from './cluster.ts';

/** Pids on node `index` of processes that run `program`: the name of a command, or the absolute path of an executable. */
export async function pidsOf(cluster: Pick<Cluster, 'exec'>, index: number, program: string): Promise<number[]> {
  const script = program.startsWith('/')
    ? 'for p in /proc/[0-9]*; do [ "$(readlink $p/exe)" = "$0" ] && echo ${p#/proc/}; done; :'
    : 'for p in /proc/[0-9]*; do read -r n <$p/comm && [ "$n" = "$0" ] && echo ${p#/proc/}; done 2>/dev/null; :';
  const { stdout } = await cluster.exec(index, ['sh', '-c', script, program]);
  return stdout.split('\n').filter(Boolean).map(Number);
}

/** Pids of processes on node `index` one of whose words contains `text`, the asking shell not among them. */
export async function pidsByWord(cluster: Pick<Cluster, 'exec'>, index: number, text: string): Promise<number[]> {
  const script =
    'for p in /proc/[0-9]*; do [ ${p#/proc/} != $$ ] && tr "\\0" "\\n" <$p/cmdline | grep -qF "$0" && echo ${p#/proc/}; done 2>/dev/null; :';
  const { stdout } = await cluster.exec(index, ['sh', '-c', script, text]);
  return stdout.split('\n').filter(Boolean).map(Number);
}

export async function signal(
  cluster: Pick<Cluster, 'exec'>,
  index: number,
  name: string,
  pids: readonly (number | string)[],
): Promise<void> {
  // 0 would be the group of the test itself: a process group reaches across namespaces.
  const wanted = pids.filter((pid) => Number.isFinite(Number(pid)) && Number(pid) !== 0);
  if (wanted.length > 0) await cluster.exec(index, ['kill', '-s', name, '--', ...wanted.map(String)]);
}

/** Every command line on node `index` but the asking ones and what every node runs (its init, sshd, sleep). */
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
