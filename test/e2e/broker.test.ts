/** Builds whose nodes are found by real brokers, while leaders die, nodes come and go, and owners come back. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execa, execaSync } from 'execa';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Brokers } from '../rig/brokers.ts';
import { canHaveCluster, startCluster, type Cluster, type ExecResult } from '../rig/cluster.ts';
import { pidsByWord, pidsOf, signal } from '../rig/node-processes.ts';
import { lastBuild, madeElsewhere, needBuild, PMAKE, PMAKECTL, stopDispatcher } from '../rig/pmake.ts';
import { writeEndlessCompiles, writeManySources } from '../rig/projects.ts';
import { differences, hashTree, makeWorkTree, type Hashes, type WorkTree } from '../rig/work-tree.ts';

const SOURCES = 60;
const SLOTS = 2;
const PATIENCE = { timeout: 60_000, interval: 50 };
const OTHERS = [2, 3, 4];
/** Written through to the disk, so that the hog's rate is the disk's. */
const HOG_WRITES = 'bs=1M count=64 oflag=dsync conv=notrunc';
/** All but 64 MiB of what a node has. */
const HOG_MEMORY = 'globalThis.held = Buffer.alloc(960 * 2 ** 20, 1); setInterval(() => {}, 1_000_000)';
/** What other tests have in parts: leaders that are lost while the kernel is built, an eviction. */
const atNight = test.runIf(process.env.PMAKE_TEST_ALL === '1');

describe.skipIf(!canHaveCluster())('with a broker on every node', () => {
  let cluster: Cluster;
  let brokers: Brokers;
  let work: WorkTree;
  let project: string;
  let expected: Hashes;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    project = join(work.path, 'project');
    await writeManySources(project, SOURCES);
    await execa('make', ['-s', '-j2'], { cwd: project, env: { LC_ALL: 'C' } });
    expected = await hashTree(project);
    cluster = await startCluster(4);
    brokers = new Brokers(cluster, { directory: join(work.path, 'brokers'), slots: SLOTS });
    await brokers.start([1, ...OTHERS]);
  }, 300_000);

  afterAll(async () => {
    await brokers[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  function startBuild(): ExecResult {
    execaSync('make', ['-s', 'clean'], { cwd: project });
    return cluster.exec(1, [PMAKE, '-s'], { cwd: project });
  }

  async function untilItCompiles(node: number): Promise<void> {
    await expect.poll(async () => (await pidsOf(cluster, node, 'cc1')).length, PATIENCE).toBeGreaterThan(0);
  }

  async function endsWell(build: ExecResult): Promise<void> {
    const ended = await build;
    expect(ended, ended.all).toMatchObject({ exitCode: 0, stderr: '' });
    expect(differences(expected, await hashTree(project))).toEqual([]);
  }

  test('a build finds the nodes by itself; no node gets more jobs than its slots, nor is made busy by them', async () => {
    const build = startBuild();
    const isOver = build.then(() => true);
    let most = 0;
    const states = new Set<string | undefined>();
    while (!(await Promise.race([isOver, setTimeout(PATIENCE.interval, false)]))) {
      const { nodes } = await brokers.look();
      for (const { inUse, slots } of nodes) {
        expect(inUse).toBeLessThanOrEqual(slots);
        most = Math.max(most, inUse);
      }
      states.add((await brokers.lookAt(2))?.state);
    }
    await endsWell(build);
    expect([...states]).toEqual(['free']);
    expect(most).toBe(SLOTS);
    expect(Object.keys((await lastBuild(cluster)).byNode).sort()).toEqual(['node2', 'node3', 'node4']);
  });

  atNight('the leader is killed in the middle: another leads, the build ends well', async () => {
    const build = startBuild();
    const leader = await brokers.leader();
    await untilItCompiles(OTHERS.find((node) => node !== leader) ?? 2);
    await brokers.kill(leader);
    await vi.waitFor(async () => {
      const next = await brokers.leader();
      expect(OTHERS).toContain(next);
      expect(next).not.toBe(leader);
    }, PATIENCE);
    await endsWell(build);
    brokers.restart(leader);
    await brokers.untilFree(OTHERS);
  });

  atNight('the leader’s cable is pulled in the middle: its jobs run elsewhere, another leads', async () => {
    const build = startBuild();
    const leader = await brokers.leader();
    await untilItCompiles(leader);
    await cluster.cut(leader);
    await endsWell(build);
    expect(madeElsewhere(await lastBuild(cluster))).toBeGreaterThan(0);
    expect(await brokers.leader()).not.toBe(leader);
    await cluster.heal(leader);
    await brokers.untilFree(OTHERS);
  });

  test('a node leaves in the middle and another joins', async () => {
    await brokers.kill(4, 'TERM');
    // While its old worker lives, a broker that was restarted takes nothing for ten seconds.
    await stopDispatcher(cluster);
    await expect.poll(() => pidsByWord(cluster, 4, 'worker.cjs'), PATIENCE).toEqual([]);
    await brokers.untilFree([2, 3]);
    const build = startBuild();
    await untilItCompiles(2);
    brokers.restart(4);
    await brokers.kill(2, 'TERM');
    await untilItCompiles(4);
    await endsWell(build);
    expect(Object.keys((await lastBuild(cluster)).byNode)).toContain('node4');
    brokers.restart(2);
    await brokers.untilFree(OTHERS);
  });

  test('the broker of the submit host dies in the middle: the build ends well, and the next one has brokers again', async () => {
    const build = startBuild();
    await untilItCompiles(2);
    await brokers.kill(1);
    await endsWell(build);
    brokers.restart(1);
    await brokers.untilFree(OTHERS);
    // What the dead one held is taken until it expires: for all that the nodes know, jobs run there.
    await brokers.untilUnused();
    await endsWell(startBuild());
    expect((await lastBuild(cluster)).there).toBeGreaterThan(SOURCES / 2);
  });

  atNight('an owner who needs the whole machine has our jobs leave it; they run elsewhere', async () => {
    const endless = join(work.path, 'endless');
    await writeEndlessCompiles(endless, 1);
    await brokers.untilUnused();
    const build = cluster.exec(1, ['setsid', '--wait', PMAKE], { cwd: endless });
    onTestFinished(async () => {
      build.kill('SIGKILL');
      await build;
    });
    const nodesOf = async () => {
      const running = await Promise.all(OTHERS.map((node) => pidsOf(cluster, node, 'cc1plus')));
      return OTHERS.filter((_, index) => (running[index]?.length ?? 0) > 0);
    };
    await vi.waitFor(async () => expect(await nodesOf()).toHaveLength(1), PATIENCE);
    const [first = 0] = await nodesOf();
    // Five of them, or our one job would still have its fair share.
    const hogs = Array.from({ length: 5 }, () => cluster.exec(first, ['/bin/sh', '-c', 'while :; do :; done']));
    await vi.waitFor(async () => {
      const now = await nodesOf();
      expect(now).toHaveLength(1);
      expect(now).not.toContain(first);
    }, PATIENCE);
    for (const hog of hogs) hog.kill('SIGTERM');
    await Promise.all(hogs);
    await signal(cluster, 1, 'INT', [-Math.max(...(await pidsByWord(cluster, 1, '/cli/pmake.cjs')))]);
    await build;
    expect((await lastBuild(cluster)).retryReasons).toMatchObject({ evicted: 1 });
    await brokers.untilFree(OTHERS);
  });

  test('pmakectl drains a node by ssh: builds go elsewhere until it is taken back', async () => {
    const bin = join(work.path, 'bin');
    await mkdir(bin);
    await symlink(PMAKECTL, join(bin, 'pmakectl'));
    // As on a machine where it is installed. A login that is no terminal has what this file says.
    await writeFile(join(cluster.rootOf(2), 'run/home/.bashrc'), `PATH=$PATH:${bin}\n`);
    const drained = await cluster.exec(1, [PMAKECTL, 'drain', 'node2']);
    expect(drained, drained.all).toMatchObject({ exitCode: 0, stdout: 'This node takes no new jobs.', stderr: '' });
    await brokers.untilFree([3, 4]);
    expect(await brokers.lookAt(2)).toMatchObject({ state: 'drained' });
    await endsWell(startBuild());
    expect(Object.keys((await lastBuild(cluster)).byNode).sort()).toEqual(['node3', 'node4']);
    const back = await cluster.exec(1, [PMAKECTL, 'undrain', 'node2']);
    expect(back, back.all).toMatchObject({ exitCode: 0, stdout: 'This node takes jobs again.', stderr: '' });
    await brokers.untilFree(OTHERS);
    const bare = await cluster.exec(1, [PMAKECTL, 'drain', 'node3']);
    expect(bare.exitCode).toBe(127);
    expect(bare.stderr).toContain('node3 has no pmakectl on the PATH of an ssh command; put it there, or run');
    const unknown = await cluster.exec(1, [PMAKECTL, 'drain', 'node9']);
    expect(unknown.exitCode).not.toBe(0);
    expect(unknown.stderr).toContain('node9');
  });

  test('an experiment tells where its processes ran, and of each node’s load', async () => {
    const words = ['bench', 'load', 'cpu', '--processes', '2', '--interval', '0.5', '--seconds', '2'];
    const ran = await cluster.exec(1, [PMAKECTL, ...words]);
    expect(ran, ran.all).toMatchObject({ exitCode: 0, stderr: '' });
    const nodes = [...ran.stdout.matchAll(/^ +\d {2}(node\d) .* flop$/gm)].map(([, node]) => node);
    // Slots are alike, so that the second goes where the first is not.
    expect(new Set(nodes).size).toBe(2);
    for (const node of OTHERS) expect(ran.stdout).toMatch(new RegExp(`^node${node} +\\d+%`, 'm'));
    await brokers.untilUnused();
  });

  test('an owner’s CPU time, I/O and memory each make his node busy by that metric; it is free again after', async () => {
    const file = join(work.path, 'hog');
    // Each on a node of its own; these have a core and a gibibyte. I/O that waits may be seen by the waiting first.
    const hogs = [
      { node: 2, metric: /^cpu$/, words: ['/bin/sh', '-c', 'while :; do :; done'] },
      {
        node: 3,
        metric: /^io/,
        words: ['/bin/sh', '-c', `while :; do dd if=/dev/zero of=${file} ${HOG_WRITES}; done`],
      },
      { node: 4, metric: /^freeMemory$/, words: [process.execPath, '-e', HOG_MEMORY] },
    ];
    const running = hogs.map(({ node, words }) => cluster.exec(node, words));
    for (const { node, metric } of hogs) {
      await vi.waitFor(async () => {
        const busyBy = { metric: expect.stringMatching(metric) as unknown };
        expect(await brokers.lookAt(node)).toMatchObject({ state: 'busy', busyBy });
      }, PATIENCE);
    }
    for (const hog of running) hog.kill('SIGTERM');
    await Promise.all(running);
    await brokers.untilFree(OTHERS);
  });
});
