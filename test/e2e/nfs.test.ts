/**
 * Builds on a tree that is shared over real NFS: a file server and nodes with kernels of their own, whose clients cache
 * what real ones cache. Each build is compared with make's on this machine: to the byte, and in what it compiled.
 */
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BuildReport } from '../../src/protocol/control.ts';
import { NFS_TREE, startNfsCluster, whyNoNfsCluster, type NfsCluster } from '../rig/nfs-cluster.ts';
import { EDITS, writeNfsProject, type Edit } from '../rig/nfs-project.ts';
import { lastBuild, needBuild, pmake, PMAKECTL } from '../rig/pmake.ts';
import { makeWorkTree } from '../rig/work-tree.ts';

/** Packages are downloaded when they are not there yet. */
const BOOT_TIMEOUT_MS = 300_000;
const CONNECT_TIMEOUT_MS = 60_000;
const BUILD_WORDS = ['-j6'];
const HASHES = `find . -name '*.[oadh]' -o -name app | sort | xargs sha256sum`;
const isWhole = process.env.PMAKE_TEST_ALL === '1';

const reason = whyNoNfsCluster();
const skipped = reason === undefined ? '' : ` (skipped: ${reason})`;

class Project implements AsyncDisposable {
  readonly #cluster: NfsCluster;
  readonly #here: Awaited<ReturnType<typeof makeWorkTree>>;
  readonly there: string;

  private constructor(cluster: NfsCluster, here: Awaited<ReturnType<typeof makeWorkTree>>) {
    this.#cluster = cluster;
    this.#here = here;
    this.there = here.path.replace('/var/tmp', NFS_TREE);
  }

  static async create(cluster: NfsCluster, sourcesPerPart: number): Promise<Project> {
    const project = new Project(cluster, await makeWorkTree());
    await writeNfsProject(project.#here.path, sourcesPerPart);
    await project.#onNode(`cp -r ${project.#here.path} ${NFS_TREE}/`);
    return project;
  }

  async edit(script: string): Promise<void> {
    await execa('sh', ['-c', script], { cwd: this.#here.path });
    await this.#onNode(`cd ${this.there} && ${script}`);
  }

  /** Both builds, compared. Resolves with the report on the one with nodes, and what that printed. */
  async build(): Promise<{ report: BuildReport; compiles: number; said: string }> {
    const remote = await pmake(this.#cluster, this.there, BUILD_WORDS);
    const local = await execa('make', ['-j2'], { cwd: this.#here.path, env: { LC_ALL: 'C', MAKEFLAGS: '' } });
    expect(remote.exitCode, remote.all).toBe(0);
    expect(await this.#onNode(`cd ${this.there} && ${HASHES}`)).toEqual(
      (await execa('sh', ['-c', HASHES], { cwd: this.#here.path })).stdout,
    );
    expect(countCompiles(remote.stdout), 'as many compiles as make makes').toBe(countCompiles(local.stdout));
    return { report: await lastBuild(this.#cluster), compiles: countCompiles(remote.stdout), said: remote.all };
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

/** The first start of Node.js on a fresh kernel takes longer than pmake waits for its dispatcher, which is no hurry here. */
async function connectNodes(cluster: NfsCluster): Promise<void> {
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

describe.skipIf(reason !== undefined)(`pmake on NFS 4.2 as the kernel mounts it${skipped}`, () => {
  let cluster: NfsCluster;
  beforeAll(async () => {
    needBuild();
    cluster = await startNfsCluster(3);
    await connectNodes(cluster);
  }, BOOT_TIMEOUT_MS);
  afterAll(() => cluster[Symbol.asyncDispose]());

  test('what a build makes and a user edits is seen by every node, without a second try', async () => {
    await using project = await Project.create(cluster, isWhole ? 20 : 2);
    const first = await project.build();
    expect(first.report.retryReasons).toEqual({});
    expect(first.report.there).toBeGreaterThan(first.compiles / 2);
    const scripts = EDITS.map(({ script }) => script(7));
    for (const script of isWhole ? scripts : [scripts.join('\n')]) {
      await project.edit(script);
      const { report } = await project.build();
      expect(report.retryReasons, script).toEqual({});
    }
    expect((await project.build()).compiles).toBe(0);
  });

  test.runIf(isWhole)('a file server that stops for 20 s stops the build for 20 s', async () => {
    await using project = await Project.create(cluster, 10);
    const building = project.build();
    await expect
      .poll(() => cluster.exec(1, ['test', '-e', `${project.there}/early/e2.o`]), POLLING)
      .toMatchObject({ exitCode: 0 });
    await cluster.pause('server');
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    await cluster.resume('server');
    await building;
  });
});

const POLLING = { timeout: 60_000, interval: 200 };

describe.skipIf(reason !== undefined || !isWhole)(`pmake on NFS mounted otherwise${skipped}`, () => {
  test.each(['vers=3', 'vers=4.2,noac', 'vers=4.2,actimeo=1', 'vers=4.2,lookupcache=positive'])('%s', async (mount) => {
    await using cluster = await startNfsCluster(3, { mount });
    await connectNodes(cluster);
    await using project = await Project.create(cluster, 6);
    await project.build();
    for (const { script } of EDITS) {
      await project.edit(script(7));
      await project.build();
    }
    expect((await project.build()).compiles).toBe(0);
  });
});

/** An hour each: every process that a build starts costs a node of this kind some 30 times what it costs here. */
describe.skipIf(reason !== undefined || !isWhole)(`fifty builds of sixty files in a row${skipped}`, () => {
  test.each(['vers=4.2', 'vers=3'])('%s', { timeout: 7_200_000 }, async (mount) => {
    await using cluster = await startNfsCluster(3, { mount });
    await connectNodes(cluster);
    await using project = await Project.create(cluster, 20);
    await project.build();
    for (let round = 0; round < 50; round += 1) {
      const { name, script } = EDITS[round % EDITS.length] as Edit;
      if (round % EDITS.length === 0) await project.edit('make -s clean');
      await project.edit(script(round));
      const { report } = await project.build();
      expect(report.retryReasons, `build ${round}, after ${name}`).toEqual({});
    }
  });
});
