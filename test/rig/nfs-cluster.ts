/**
 * A cluster whose nodes share /mnt/tree over real NFS, made by scripts/nfs-cluster and removed with the test. Unaware
 * of pmake, except that `pmakeNodes` has the form of PMAKE_NODES.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { execThrough, type ExecOptions, type ExecResult } from './cluster.ts';

/** The shared tree, on every node. */
export const NFS_TREE = '/mnt/tree';

export type NfsMachine = number | 'server';

export interface NfsClusterOptions {
  /** Options of mount(8); by default those that the kernel chooses, with NFS 4.2. */
  readonly mount?: string;
  /** Size of the file server's disk, in the form of truncate(1). */
  readonly disk?: string;
}

export interface NfsCluster extends AsyncDisposable {
  readonly size: number;
  /** Every node but the first, in the form of PMAKE_NODES. */
  readonly pmakeNodes: string;
  /** Runs `command` on a node. A non-zero status is in the result, not thrown; `all` is stdout and stderr. */
  readonly exec: (index: NfsMachine, command: readonly string[], options?: ExecOptions) => ExecResult;
  /** Simulates a pulled cable. */
  readonly cut: (index: NfsMachine) => Promise<void>;
  /** Restores the cable. */
  readonly heal: (index: NfsMachine) => Promise<void>;
  /** Suspends the node, including its clock. */
  readonly pause: (index: NfsMachine) => Promise<void>;
  readonly resume: (index: NfsMachine) => Promise<void>;
}

const SCRIPT = fileURLToPath(new URL('../../scripts/nfs-cluster', import.meta.url));

let started = 0;

/** Why this machine cannot run an NFS cluster; undefined if it can. */
export function whyNoNfsCluster(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  if (process.arch !== 'x64') return `no User Mode Linux for ${process.arch}`;
  if (!existsSync('/dev/net/tun')) return 'no /dev/net/tun';
  if (!existsSync('/usr/bin/apt-get')) return 'no Debian packages to take it from';
  return undefined;
}

/**
 * Starts a cluster.
 * @throws Error with the script's message if the cluster does not come up
 */
export async function startNfsCluster(size: number, options: NfsClusterOptions = {}): Promise<NfsCluster> {
  started += 1;
  const environment = {
    PMAKE_CLUSTER: `test-${process.pid}-${started}`,
    ...(options.disk === undefined ? {} : { PMAKE_CLUSTER_DISK: options.disk }),
  };
  const run = async (...words: string[]) => {
    await execa(SCRIPT, words, { env: environment });
  };
  await run('up', String(size), ...(options.mount === undefined ? [] : ['--mount', options.mount]));
  return {
    size,
    pmakeNodes: Array.from({ length: size - 1 }, (_, index) => `node${index + 2}/1`).join(' '),
    exec: (index, command, { cwd, ...others } = {}) =>
      execThrough(SCRIPT, environment, index, inside(cwd, command), others),
    cut: (index) => run('cut', String(index)),
    heal: (index) => run('heal', String(index)),
    pause: (index) => run('pause', String(index)),
    resume: (index) => run('resume', String(index)),
    [Symbol.asyncDispose]: () => run('down'),
  };
}

/** The shared tree does not exist on this machine, so it cannot be the working directory of a local process. */
function inside(cwd: string | undefined, command: readonly string[]): readonly string[] {
  return cwd === undefined ? command : ['sh', '-c', 'cd -- "$0" && exec "$@"', cwd, ...command];
}
