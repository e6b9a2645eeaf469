/**
 * Builds of the project of nfs-project.ts on a tree that is shared over real NFS, each compared with a build by plain
 * make on this machine: byte by byte, and in what it compiled.
 */
import { execa } from 'execa';
import { expect } from 'vitest';
import type { BuildReport } from '../../src/protocol/control.ts';
import { NFS_TREE, type NfsCluster } from './nfs-cluster.ts';
import { writeNfsProject } from './nfs-project.ts';
import { lastBuild, pmake, PMAKECTL } from './pmake.ts';
import { makeWorkTree } from './work-tree.ts';

const CONNECT_TIMEOUT_MS = 60_000;
const BUILD_WORDS = ['-j6'];
const HASHES = `find . -name '*.[oadh]' -o -name app | sort | xargs sha256sum`;

export class NfsProject implements AsyncDisposable {
  readonly #cluster: NfsCluster;
  readonly #here: Awaited<ReturnType<typeof makeWorkTree>>;
  readonly there: string;

  private constructor(cluster: NfsCluster, here: Awaited<ReturnType<typeof makeWorkTree>>) {
    this.#cluster = cluster;
    this.#here = here;
    this.there = here.path.replace('/var/tmp', NFS_TREE);
  }

  static async create(cluster: NfsCluster, sourcesPerPart: number): Promise<NfsProject> {
    const project = new NfsProject(cluster, await makeWorkTree());
    await writeNfsProject(project.#here.path, sourcesPerPart);
    await project.#onNode(`cp -r ${project.#here.path} ${NFS_TREE}/`);
    return project;
  }

  async edit(script: string): Promise<void> {
    await execa('sh', ['-c', script], { cwd: this.#here.path });
    await this.#onNode(`cd ${this.there} && ${script}`);
  }

  /** Runs and compares both builds. Resolves with the report and the output of the build with nodes. */
  async build(): Promise<{ report: BuildReport; compiles: number; said: string }> {
    const remote = await pmake(this.#cluster, this.there, BUILD_WORDS);
    expect(remote.exitCode, remote.all).toBe(0);
    const compiles = await this.makeHere();
    await this.expectSame();
    expect(countCompiles(remote.stdout), 'as many compiles as make makes').toBe(compiles);
    return { report: await lastBuild(this.#cluster), compiles, said: remote.all };
  }

  /** Builds with plain make on this machine. Resolves with the number of compiles. */
  async makeHere(): Promise<number> {
    const { stdout } = await execa('make', ['-j2'], { cwd: this.#here.path, env: { LC_ALL: 'C', MAKEFLAGS: '' } });
    return countCompiles(stdout);
  }

  /** The results of both builds. */
  async expectSame(): Promise<void> {
    const { stdout } = await execa('sh', ['-c', HASHES], { cwd: this.#here.path });
    expect(await this.#onNode(`cd ${this.there} && ${HASHES}`)).toEqual(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#onNode(`rm -rf ${this.there}`);
    await this.#here[Symbol.asyncDispose]();
  }

  async #onNode(script: string): Promise<string> {
    const { exitCode, all, stdout } = await this.#cluster.exec(1, ['sh', '-c', script]);
    expect(exitCode, all).toBe(0);
    return stdout;
  }
}

/** The first start of Node.js on a fresh kernel takes longer than pmake waits for its dispatcher. */
export async function connectNodes(cluster: NfsCluster): Promise<void> {
  const deadline = Date.now() + CONNECT_TIMEOUT_MS;
  for (;;) {
    await pmake(cluster, '/', ['--eval=all:;@:', 'all']);
    const { stdout, all } = await cluster.exec(1, [PMAKECTL, 'nodes', '--json']);
    if (stdout.split('"up"').length === cluster.size) return;
    if (Date.now() > deadline) throw new Error(`the nodes did not connect: ${all}`);
  }
}

function countCompiles(output: string): number {
  return output.split(' -c -o ').length - 1;
}
