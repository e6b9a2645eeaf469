/** What goes wrong under a build on real NFS: the file server stops, its disk is full, a node stops and goes on later. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectNodes, NfsProject } from '../rig/nfs-builds.ts';
import { NFS_TREE, startNfsCluster, whyNoNfsCluster, type NfsCluster } from '../rig/nfs-cluster.ts';
import { pidsByWord } from '../rig/node-processes.ts';
import { lastBuild, needBuild, pmake, stopDispatcher } from '../rig/pmake.ts';

const BOOT_TIMEOUT_MS = 300_000;
const POLLING = { timeout: 120_000, interval: 200 };
/** Longer than workers and dispatchers bear silence. */
const SERVER_STOP_MS = 20_000;
const DISK = '96M';
const NODES = [2, 3];
const isWanted = process.env.PMAKE_TEST_ALL === '1' && whyNoNfsCluster() === undefined;

describe.skipIf(!isWanted)('builds on real NFS when something goes wrong', () => {
  let cluster: NfsCluster;

  beforeAll(async () => {
    needBuild();
    cluster = await startNfsCluster(3, { disk: DISK });
    await connectNodes(cluster);
  }, BOOT_TIMEOUT_MS);

  afterAll(async () => {
    await stopDispatcher(cluster);
    await cluster[Symbol.asyncDispose]();
  });

  async function on(machine: number | 'server', script: string): Promise<string> {
    const ran = await cluster.exec(machine, ['sh', '-ec', script]);
    expect(ran, ran.all).toMatchObject({ exitCode: 0 });
    return ran.stdout;
  }

  test('a file server that stops for 20 s stops the build for 20 s, and the summary can say so', async () => {
    await using project = await NfsProject.create(cluster, 10);
    const building = project.build();
    await expect
      .poll(() => cluster.exec(1, ['test', '-e', `${project.there}/early/e2.o`]), POLLING)
      .toMatchObject({ exitCode: 0 });
    await cluster.pause('server');
    await new Promise((resolve) => setTimeout(resolve, SERVER_STOP_MS));
    await cluster.resume('server');
    const { report } = await building;
    expect(report.slowServerMs).toBeGreaterThan(0);
  });

  test('a full disk: the compiler’s own words, no object that is not whole; with room again all is built', async () => {
    await using project = await NfsProject.create(cluster, 4);
    // To the last block; there are still names to be had.
    await on('server', 'cat /dev/zero >/srv/tree/fill 2>/dev/null || sync');
    const failed = await pmake(cluster, project.there, ['-j6', '-k']);
    expect(failed.exitCode, failed.all).toBe(2);
    expect(failed.stderr).toContain('No space left on device');
    expect(failed.stderr).not.toMatch(/pmake/);
    await on('server', 'rm /srv/tree/fill; sync');
    await project.makeHere();
    // For a file that it could not write Linux's NFS client may report that error once more.
    await expect.poll(() => pmake(cluster, project.there, ['-j6']), POLLING).toMatchObject({ exitCode: 0 });
    await project.expectSame();
    expect(await on(1, `find ${project.there} -name '.pmake-*'`)).toBe('');
  });

  test('a node that stops for longer than it is waited for, and then goes on: its compile is made elsewhere', async () => {
    // A fifo on NFS is each client's own: the compile goes on where a process writes into it.
    const directory = `${NFS_TREE}/gated`;
    await on(
      1,
      `mkdir ${directory}; cd ${directory}; mkfifo gate.h; echo '#include "gate.h"' >gated.c; echo 'all: gated.o' >Makefile`,
    );
    const openGate = (node: number, value: number) => on(node, `echo 'int gate = ${value};' >${directory}/gate.h`);
    const compilesOn = (node: number) => pidsByWord(cluster, node, 'gated.c');
    const building = pmake(cluster, directory, ['all']);
    const startsOn = (nodes: readonly number[]): Promise<number> =>
      vi.waitFor(async () => {
        for (const node of nodes) if ((await compilesOn(node)).length > 0) return node;
        throw new Error('the compile has not begun');
      }, POLLING);
    const stopped = await startsOn(NODES);
    await cluster.pause(stopped);
    const next = await startsOn(NODES.filter((node) => node !== stopped));
    await openGate(next, 1);
    const built = await building;
    expect(built, built.all).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await lastBuild(cluster)).toMatchObject({
      byNode: { [`node${next}`]: 1 },
      retryReasons: { 'node-lost': 1 },
    });
    const hash = await on(1, `sha256sum ${directory}/gated.o`);
    await cluster.resume(stopped);
    await expect.poll(() => compilesOn(stopped), POLLING).toEqual([]);
    expect(await on(1, `sha256sum ${directory}/gated.o`)).toBe(hash);
    // It was given up, and is used again.
    await connectNodes(cluster);
  });
});
