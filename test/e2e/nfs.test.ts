/**
 * Builds on a tree that is shared over real NFS: a file server and nodes with kernels of their own, whose clients cache
 * what real ones cache. Each build is compared with make's on this machine: to the byte, and in what it compiled.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectNodes, NfsProject } from '../rig/nfs-builds.ts';
import { startNfsCluster, whyNoNfsCluster, type NfsCluster } from '../rig/nfs-cluster.ts';
import { EDITS } from '../rig/nfs-project.ts';
import { needBuild } from '../rig/pmake.ts';

/** Packages are downloaded when they are not there yet. */
const BOOT_TIMEOUT_MS = 300_000;
const isWhole = process.env.PMAKE_TEST_ALL === '1';

const reason = whyNoNfsCluster();
const skipped = reason === undefined ? '' : ` (skipped: ${reason})`;

describe.skipIf(reason !== undefined)(`pmake on NFS 4.2 as the kernel mounts it${skipped}`, () => {
  let cluster: NfsCluster;
  beforeAll(async () => {
    needBuild();
    cluster = await startNfsCluster(3);
    await connectNodes(cluster);
  }, BOOT_TIMEOUT_MS);
  afterAll(() => cluster[Symbol.asyncDispose]());

  test('what a build makes and a user edits is seen by every node, without a second try', async () => {
    await using project = await NfsProject.create(cluster, isWhole ? 20 : 2);
    const first = await project.build();
    expect(first.report.retryReasons, first.report.problems.join('\n')).toEqual({});
    expect(first.report.there).toBeGreaterThan(first.compiles / 2);
    const scripts = EDITS.map(({ script }) => script(7));
    for (const script of isWhole ? scripts : [scripts.join('\n')]) {
      await project.edit(script);
      const { report } = await project.build();
      expect(report.retryReasons, script).toEqual({});
    }
    expect((await project.build()).compiles).toBe(0);
  });
});

describe.skipIf(reason !== undefined || !isWhole)(`pmake on NFS mounted otherwise${skipped}`, () => {
  test.each(['vers=3', 'vers=4.2,noac', 'vers=4.2,actimeo=1', 'vers=4.2,lookupcache=positive'])('%s', async (mount) => {
    await using cluster = await startNfsCluster(3, { mount });
    await connectNodes(cluster);
    await using project = await NfsProject.create(cluster, 6);
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
    await using project = await NfsProject.create(cluster, 20);
    await project.build();
    for (let round = 0; round < 50; round += 1) {
      const edit = EDITS[round % EDITS.length];
      if (round % EDITS.length === 0) await project.edit('make -s clean');
      await project.edit(edit?.script(round) ?? '');
      const { report } = await project.build();
      expect(report.retryReasons, `build ${round}, after ${edit?.name}`).toEqual({});
    }
  });
});
