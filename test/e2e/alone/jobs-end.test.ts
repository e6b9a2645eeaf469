import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { canHaveCluster, startCluster, type Cluster } from '../../rig/cluster.ts';
import { pidsByWord, pidsOf, pidsOfShims, signal } from '../../rig/node-processes.ts';
import { needBuild, PMAKE, startDispatcher } from '../../rig/pmake.ts';
import { writeEndlessCompiles } from '../../rig/projects.ts';
import { makeWorkTree, type WorkTree } from '../../rig/work-tree.ts';

/** The bound that the project promises for a job whose shim or make is gone. */
const JOB_DEATH = { timeout: 2_000, interval: 20 };
const STARTED = { timeout: 60_000, interval: 50 };

describe.skipIf(!canHaveCluster())('jobs on nodes end within 2 s', () => {
  let cluster: Cluster;
  let work: WorkTree;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    cluster = await startCluster(3);
    // Until nodes are connected, jobs run here; these must not.
    await startDispatcher(cluster);
  });

  afterEach(async () => {
    // A test that failed must not fail the next one too.
    const left = [...(await pidsOf(cluster, 1, 'make')), ...pidsOfShims(cluster, 1)];
    await signal(cluster, 1, 'KILL', [...left, ...(await pidsOf(cluster, 1, 'cc1plus'))]);
  });

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  const compilers = async () => (await Promise.all([2, 3].map((index) => pidsOf(cluster, index, 'cc1plus')))).flat();
  const countCompilers = async () => (await compilers()).length;

  /** pmake in a session of its own, as under a terminal, with two compiles that end only when killed. */
  async function startEndless(name: string) {
    const directory = join(work.path, name);
    await writeEndlessCompiles(directory, 2);
    const env = { PMAKE_NODES: cluster.pmakeNodes };
    const build = cluster.exec(1, ['setsid', '--wait', PMAKE, '-j2'], { cwd: directory, env });
    await expect.poll(countCompilers, STARTED).toBe(2);
    // The dispatcher may be asking a compiler here what it reads, for some milliseconds; a job would never end.
    await expect.poll(() => pidsOf(cluster, 1, 'cc1plus'), STARTED).toEqual([]);
    // The launcher has become Node.js with this script.
    const leader = Math.max(...(await pidsByWord(cluster, 1, '/cli/pmake.cjs')));
    return { build, leader };
  }

  test('after kill -9 of their shim, and the build ends as with a killed compiler', async () => {
    const { build } = await startEndless('shim');
    const shims = pidsOfShims(cluster, 1);
    expect(shims).toHaveLength(2);
    await signal(cluster, 1, 'KILL', shims.slice(0, 1));
    await expect.poll(countCompilers, JOB_DEATH).toBe(1);
    await signal(cluster, 1, 'KILL', shims.slice(1));
    await expect.poll(countCompilers, JOB_DEATH).toBe(0);
    expect(await build).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/endless\d\.o\] Killed/) as string,
    });
  });

  test('after Ctrl-C, which ends make too', async () => {
    const { build, leader } = await startEndless('interrupt');
    // What a terminal does on Ctrl-C: the signal goes to the whole foreground process group.
    await signal(cluster, 1, 'INT', [-leader]);
    await expect.poll(countCompilers, JOB_DEATH).toBe(0);
    const ended = await build;
    expect(ended.exitCode === 130 || ended.exitCode === 2 || ended.signal === 'SIGINT', ended.all).toBe(true);
    expect(pidsOfShims(cluster, 1)).toEqual([]);
    expect(await pidsOf(cluster, 1, 'make')).toEqual([]);
  });

  // The last one: it leaves no dispatcher.
  test('after kill -9 of the dispatcher: no process is left that wants their output', async () => {
    const { build, leader } = await startEndless('dispatcher');
    await signal(cluster, 1, 'KILL', await pidsByWord(cluster, 1, 'dispatcher.cjs'));
    await expect.poll(countCompilers, JOB_DEATH).toBe(0);
    // The shims go on by themselves, here.
    await expect.poll(async () => (await pidsOf(cluster, 1, 'cc1plus')).length, STARTED).toBe(2);
    await signal(cluster, 1, 'INT', [-leader]);
    await build;
    await expect.poll(() => pidsOf(cluster, 1, 'cc1plus'), JOB_DEATH).toEqual([]);
  });
});
