import { readdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canHaveCluster, startCluster, type Cluster } from '../rig/cluster.ts';
import {
  hashKernelProducts,
  KERNEL_ENV,
  KERNEL_HEADER,
  kernelReference,
  makeKernelTree,
  sortedLines,
  type KernelReference,
} from '../rig/kernel.ts';
import { compilesOf, lastBuild, needBuild, pmake, startDispatcher } from '../rig/pmake.ts';
import { kernelSource } from '../rig/sources.ts';
import { differences, makeWorkTree, type WorkTree } from '../rig/work-tree.ts';

/** Once only, a minute or more: the build by plain make. */
const SETUP_TIMEOUT_MS = 1_200_000;
/** A minute on a quiet machine. */
const BUILD_TIMEOUT_MS = 1_600_000;
const REMOTE_SHARE = 0.95;

describe.skipIf(!canHaveCluster())('the Linux kernel on four nodes', () => {
  let cluster: Cluster;
  let work: WorkTree;
  let source: string;
  let tree: string;
  let reference: KernelReference;
  let missing: string | undefined;

  beforeAll(async () => {
    needBuild();
    const found = await kernelSource();
    if (!found.ok) {
      missing = found.failure;
      return;
    }
    source = found.value;
    reference = await kernelReference(source);
    work = await makeWorkTree();
    tree = join(work.path, 'kernel');
    await makeKernelTree(source, tree);
    cluster = await startCluster(5);
    // Until nodes are connected, jobs run here.
    await startDispatcher(cluster);
  }, SETUP_TIMEOUT_MS);

  afterAll(async () => {
    if (missing !== undefined) return;
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  // One story in four chapters: each begins where the one before it ended.
  test(
    'every file that the build writes is identical to plain make’s, and its lines are the same',
    async (context) => {
      context.skip(missing !== undefined, missing);
      const build = await pmake(cluster, tree, ['vmlinux'], { env: KERNEL_ENV });
      expect(build, build.all).toMatchObject({ exitCode: 0, stderr: '' });
      expect(differences(reference.products, await hashKernelProducts(source, tree))).toEqual([]);
      expect(sortedLines(build.stdout)).toEqual(reference.built);
    },
    BUILD_TIMEOUT_MS,
  );

  test('at least 95 % of the compiles ran on nodes, and each node had some', async (context) => {
    context.skip(missing !== undefined, missing);
    const report = await lastBuild(cluster);
    const { here, there } = compilesOf(report);
    expect(here.length + there.length).toBeGreaterThan(400);
    expect(there.length / (here.length + there.length), JSON.stringify(report.hereReasons)).toBeGreaterThanOrEqual(
      REMOTE_SHARE,
    );
    expect(new Set(there.map((record) => record.where)).size).toBe(4);
    expect(report.retries).toBe(0);
  });

  test('a second build rebuilds nothing', async (context) => {
    context.skip(missing !== undefined, missing);
    const before = await stat(join(tree, 'vmlinux'));
    const build = await pmake(cluster, tree, ['vmlinux'], { env: KERNEL_ENV });
    expect(build, build.all).toMatchObject({ exitCode: 0, stderr: '' });
    expect(sortedLines(build.stdout)).toEqual(reference.again);
    expect((await stat(join(tree, 'vmlinux'))).mtimeMs).toBe(before.mtimeMs);
  });

  test(
    'touching one header rebuilds what make would, identically',
    async (context) => {
      context.skip(missing !== undefined, missing);
      await execa('touch', [join(tree, KERNEL_HEADER)]);
      const build = await pmake(cluster, tree, ['vmlinux'], { env: KERNEL_ENV });
      expect(build, build.all).toMatchObject({ exitCode: 0, stderr: '' });
      expect(sortedLines(build.stdout)).toEqual(reference.touched);
      expect(compilesOf(await lastBuild(cluster)).there.length).toBeGreaterThan(0);
    },
    BUILD_TIMEOUT_MS,
  );

  test.runIf(process.env.PMAKE_TEST_ALL)(
    'losing two of four nodes on the way changes nothing but the time',
    async (context) => {
      context.skip(missing !== undefined, missing);
      await execa('rm', ['-rf', tree]);
      await makeKernelTree(source, tree);
      const build = pmake(cluster, tree, ['vmlinux'], { env: KERNEL_ENV });
      const objects = () => [...readdirSync(join(tree, 'kernel')), ...readdirSync(join(tree, 'mm'))];
      const countObjects = () => objects().filter((name) => name.endsWith('.o')).length;
      await expect.poll(countObjects, { timeout: BUILD_TIMEOUT_MS, interval: 100 }).toBeGreaterThan(5);
      await cluster.kill(2);
      await expect.poll(countObjects, { timeout: BUILD_TIMEOUT_MS, interval: 100 }).toBeGreaterThan(25);
      await cluster.cut(3);
      const ended = await build;
      expect(ended, ended.all).toMatchObject({ exitCode: 0, stderr: '' });
      expect(differences(reference.products, await hashKernelProducts(source, tree))).toEqual([]);
      expect((await lastBuild(cluster)).retries).toBeGreaterThan(0);
    },
    BUILD_TIMEOUT_MS,
  );
});
