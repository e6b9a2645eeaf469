import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canHaveCluster, startCluster, type Cluster } from '../rig/cluster.ts';
import { foreignProcesses, pidsByWord, pidsOf, signal } from '../rig/node-processes.ts';
import {
  lastBuild,
  madeElsewhere,
  needBuild,
  nodeStates,
  pmake,
  startDispatcher,
  stopDispatcher,
} from '../rig/pmake.ts';
import { writeManySources } from '../rig/projects.ts';
import { differences, hashTree, makeWorkTree, type Hashes, type WorkTree } from '../rig/work-tree.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** Enough that each node has some of them running and some to come. */
const SOURCES = 24;
const STARTED = { timeout: 60_000, interval: 20 };
/** A worker that hears nothing notices by its own clock, later than one whose connection was closed. */
const SILENCE = { timeout: 30_000, interval: 100 };

const atNight = test.runIf(process.env.PMAKE_TEST_ALL === '1');

describe.skipIf(!canHaveCluster())('a build goes on, and its results are identical', () => {
  let cluster: Cluster;
  let work: WorkTree;
  let project: string;
  let expected: Hashes;
  /** What each node's temporary directories show before any build: a checkout that lies there is seen by all nodes. */
  const atFirst: (readonly string[])[] = [];

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    project = join(work.path, 'project');
    await writeManySources(project, SOURCES);
    await execa('make', ['-s', '-j2'], { cwd: project, env: { LC_ALL: 'C' } });
    expected = await hashTree(project);
    cluster = await startCluster(4);
    for (let index = 1; index <= cluster.size; index += 1) atFirst.push(await temporaryFiles(index));
  }, 300_000);

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  async function temporaryFiles(index: number): Promise<readonly string[]> {
    // The runtime directory stays, with its masquerade: the next build finds it made.
    const pruned = [ROOT, '/tmp/pmake-0'].flatMap((path) => ['-path', path, '-prune', '-o']);
    const { stdout } = await cluster.exec(index, ['find', '/tmp', '/dev/shm', '-mindepth', '1', ...pruned, '-print']);
    return stdout.split('\n').sort();
  }

  const different = async (): Promise<string[]> => differences(expected, await hashTree(project));

  /** Of names that anybody reads. */
  const differentByName = async (): Promise<string[]> =>
    (await different()).filter((name) => !name.includes('.pmake-'));

  /** What an unreachable node may still write has names that are not read, and is removed when the node is surely dead. */
  async function untilSame(): Promise<void> {
    expect(await differentByName()).toEqual([]);
    await expect.poll(different, SILENCE).toEqual([]);
  }

  /** A build from scratch with `disturb` called once node 2 compiles; resolves when it has ended. */
  async function buildWhile(disturb: () => Promise<void>, isFrozen = false) {
    await execa('make', ['-s', 'clean'], { cwd: project });
    // A node that the last test broke is up again: the build must not be over before it takes part.
    await startDispatcher(cluster);
    const build = pmake(cluster, project, ['-j6']);
    await expect.poll(async () => (await pidsOf(cluster, 2, 'cc1')).length, STARTED).toBeGreaterThan(0);
    await disturb();
    const ended = await build;
    expect(ended, ended.all).toMatchObject({ exitCode: 0, stderr: '' });
    if (isFrozen) expect(await differentByName()).toEqual([]);
    else await untilSame();
    return lastBuild(cluster);
  }

  /** The build ends long before. Until then the node counts as up, and the next build would send it jobs. */
  async function untilGivenUp(): Promise<void> {
    const isUp = async (): Promise<boolean> =>
      (await nodeStates(cluster)).some(({ name, state }) => name === 'node2' && state === 'up');
    await expect.poll(isUp, SILENCE).toBe(false);
  }

  test('undisturbed', async () => {
    const report = await buildWhile(() => Promise.resolve());
    expect(report.retries).toBe(0);
    expect(Object.keys(report.byNode).sort()).toEqual(['node2', 'node3', 'node4']);
  });

  test('with a node’s power cut', async () => {
    const report = await buildWhile(() => cluster.kill(2));
    expect(madeElsewhere(report)).toBeGreaterThan(0);
    await untilGivenUp();
    await cluster.heal(2);
  });

  test('with a node’s cable pulled; that node kills what it runs', async () => {
    const report = await buildWhile(() => cluster.cut(2));
    expect(madeElsewhere(report)).toBeGreaterThan(0);
    await expect.poll(() => pidsOf(cluster, 2, 'cc1'), SILENCE).toEqual([]);
    await untilGivenUp();
    await cluster.heal(2);
  });

  atNight('with a node frozen, which goes on where it was once all is over: it touches nothing', async () => {
    // All of it but its init, as a suspended machine.
    const signalAll = async (name: string): Promise<void> => {
      await cluster.exec(2, ['sh', '-c', `kill -s ${name} -- -1`]);
    };
    const report = await buildWhile(() => signalAll('STOP'), true);
    expect(madeElsewhere(report)).toBeGreaterThan(0);
    expect(await pidsOf(cluster, 2, 'cc1')).not.toEqual([]);
    // Frozen for less, the node would just be told to stop.
    await untilGivenUp();
    await signalAll('CONT');
    await expect.poll(() => pidsByWord(cluster, 2, 'worker.cjs'), SILENCE).toEqual([]);
    await expect.poll(() => pidsOf(cluster, 2, 'cc1'), SILENCE).toEqual([]);
    await untilSame();
  });

  test('with the worker on a node killed', async () => {
    const report = await buildWhile(async () => {
      await signal(cluster, 2, 'KILL', await pidsByWord(cluster, 2, 'worker.cjs'));
    });
    expect(report.retries).toBeGreaterThan(0);
  });

  test('with the dispatcher killed', async () => {
    await execa('make', ['-s', 'clean'], { cwd: project });
    const build = pmake(cluster, project, ['-j6']);
    await expect.poll(async () => (await pidsOf(cluster, 2, 'cc1')).length, STARTED).toBeGreaterThan(0);
    await signal(cluster, 1, 'KILL', await pidsByWord(cluster, 1, 'dispatcher.cjs'));
    const ended = await build;
    expect(ended, ended.all).toMatchObject({ exitCode: 0, stderr: '' });
    await untilSame();
  });

  test('and nothing is left behind once the dispatcher is stopped', async () => {
    await pmake(cluster, project, ['program']);
    await stopDispatcher(cluster);
    for (let index = 1; index <= cluster.size; index += 1) {
      await expect.poll(() => foreignProcesses(cluster, index), { timeout: 10_000 }).toEqual([]);
      expect(await temporaryFiles(index), `on node ${index}`).toEqual(atFirst[index - 1]);
    }
    expect(differences(expected, await hashTree(project))).toEqual([]);
  });
});
