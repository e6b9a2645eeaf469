import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { BuildReport } from '../../src/protocol/control.ts';
import { Brokers } from '../rig/brokers.ts';
import { canHaveCluster, startCluster, type Cluster } from '../rig/cluster.ts';
import { GrantMeter } from '../rig/grant-meter.ts';
import {
  countParts,
  hashKernelProducts,
  KERNEL_ENV,
  KERNEL_EXCERPT,
  KERNEL_HEADER,
  kernelReference,
  makeKernelTree,
  removePart,
  sortedLines,
  WHOLE_KERNEL,
  type KernelReference,
} from '../rig/kernel.ts';
import { pidsByWord, pidsOf } from '../rig/node-processes.ts';
import {
  compilesOf,
  lastBuild,
  madeElsewhere,
  needBuild,
  pmake,
  PMAKE,
  startDispatcher,
  stopDispatcher,
} from '../rig/pmake.ts';
import { describeNoSource, kernelSource } from '../rig/sources.ts';
import { differences, makeWorkTree, type WorkTree } from '../rig/work-tree.ts';

/** Once only, a minute or more: the build by plain make. */
const SETUP_TIMEOUT_MS = 1_200_000;
/** A minute on a quiet machine. */
const BUILD_TIMEOUT_MS = 1_600_000;
const REMOTE_SHARE = 0.95;
const PATIENCE = { timeout: 120_000, interval: 50 };
const OTHERS = [2, 3, 4, 5];
const isWhole = process.env.PMAKE_TEST_ALL === '1';
const GOAL = isWhole ? WHOLE_KERNEL : KERNEL_EXCERPT;
/** What a build of that compiles, if not a little more. */
const COMPILES = isWhole ? 400 : 80;
/** Four slots on each of four nodes, of which two may go: the meter always finds a free one, so it sees only pauses. */
const BROKER_SLOTS = 4;
const JOBS = '-j4';
/** What a pause in grants may take, and how many steps of a broker are in it, each of which the machine may delay. */
const GRANTS_WITHIN_MS = 2_000;
const STEPS = 4;

describe.skipIf(!canHaveCluster())('the Linux kernel on four nodes', () => {
  let cluster: Cluster;
  let work: WorkTree;
  let source: string;
  let tree: string;
  let reference: KernelReference;
  let missing: string | undefined;
  /** Of the first build. */
  let firstReport: BuildReport | undefined;

  beforeAll(async () => {
    needBuild();
    const found = await kernelSource();
    if (!found.ok) {
      missing = describeNoSource(found.failure);
      return;
    }
    source = found.value;
    reference = await kernelReference(source, GOAL);
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

  /** One pmake after the other; resolves with their lines, each one's sorted, and their reports. */
  async function build(): Promise<{ lines: string[]; reports: BuildReport[] }> {
    const [lines, reports]: [string[], BuildReport[]] = [[], []];
    for (const words of GOAL) {
      const ended = await pmake(cluster, tree, words, { env: KERNEL_ENV });
      expect(ended, ended.all).toMatchObject({ exitCode: 0, stderr: '' });
      lines.push(...sortedLines(ended.stdout));
      reports.push(await lastBuild(cluster));
    }
    return { lines, reports };
  }

  async function renew(): Promise<void> {
    await execa('rm', ['-rf', tree]);
    await makeKernelTree(source, tree);
  }

  // One story in chapters: each begins where the one before it ended.
  test(
    'every file that the build writes is identical to plain make’s, and its lines are the same',
    async (context) => {
      context.skip(missing !== undefined, missing);
      const { lines, reports } = await build();
      expect(differences(reference.products, await hashKernelProducts(source, tree))).toEqual([]);
      expect(lines).toEqual(reference.built);
      [firstReport] = reports;
    },
    BUILD_TIMEOUT_MS,
  );

  test('at least 95 % of the compiles ran on nodes, and each node had some', (context) => {
    context.skip(missing !== undefined, missing);
    if (firstReport === undefined) throw new Error('there was no build');
    const report = firstReport;
    const { here, there } = compilesOf(report);
    expect(here.length + there.length).toBeGreaterThan(COMPILES);
    expect(there.length / (here.length + there.length), JSON.stringify(report.hereReasons)).toBeGreaterThanOrEqual(
      REMOTE_SHARE,
    );
    expect(new Set(there.map((record) => record.where)).size).toBe(4);
    expect(report.retries).toBe(0);
  });

  test('a second build rebuilds nothing', async (context) => {
    context.skip(missing !== undefined, missing);
    const linked = join(tree, isWhole ? 'vmlinux' : 'excerpt.o');
    const before = await stat(linked);
    expect((await build()).lines).toEqual(reference.again);
    expect((await stat(linked)).mtimeMs).toBe(before.mtimeMs);
  });

  test(
    'touching one header rebuilds what make would, identically',
    async (context) => {
      context.skip(missing !== undefined, missing);
      await execa('touch', [join(tree, KERNEL_HEADER)]);
      const { lines, reports } = await build();
      expect(lines).toEqual(reference.touched);
      expect(reports.flatMap((report) => compilesOf(report).there)).not.toEqual([]);
    },
    BUILD_TIMEOUT_MS,
  );

  test(
    'with brokers, the leader’s is killed and the next leader is cut off: grants resume, and all is identical',
    async (context) => {
      context.skip(missing !== undefined, missing);
      // That part of it is long enough for this.
      if (isWhole) await renew();
      else await removePart(source, tree);
      // A broker that finds an old worker holds its slots back.
      await stopDispatcher(cluster);
      for (const node of OTHERS) {
        await expect.poll(() => pidsByWord(cluster, node, 'worker.cjs'), PATIENCE).toEqual([]);
      }
      await using brokers = new Brokers(cluster, {
        directory: join(work.path, 'brokers'),
        slots: BROKER_SLOTS,
        // Two real cores under all nodes: their pressure would make nodes busy, and a pause in grants of that.
        broker: { thresholds: { rows: [{ metric: 'cpu', highMark: 100 }] } },
      });
      await brokers.start([1, ...OTHERS]);
      await using meter = await GrantMeter.start(brokers.socketOf(1));
      const resume = async (leader: number) => {
        const { grants } = meter;
        const next = await vi.waitFor(async () => {
          const now = await brokers.leader();
          expect(OTHERS).toContain(now);
          expect(now).not.toBe(leader);
          expect(meter.grants).toBeGreaterThan(grants + 5);
          return now;
        }, PATIENCE);
        const { longestMs, stallMs } = meter.takePause();
        expect(longestMs).toBeLessThan(GRANTS_WITHIN_MS + STEPS * stallMs);
        return next;
      };

      const words = [JOBS, ...(GOAL[0] ?? [])];
      const building = cluster.exec(1, [PMAKE, ...words], { cwd: tree, env: KERNEL_ENV });
      // However long that takes: a build that ends before has failed.
      const isOver = building.then(() => true);
      while (countParts(tree) <= 5 && !(await Promise.race([isOver, delay(PATIENCE.interval, false)])));
      const first = await brokers.leader();
      meter.takePause();
      await brokers.kill(first);
      const second = await resume(first);
      await vi.waitFor(async () => expect(await pidsOf(cluster, second, 'cc1')).not.toEqual([]), PATIENCE);
      meter.takePause();
      await cluster.cut(second);
      await resume(second);
      const ended = await building;
      expect(ended, ended.all).toMatchObject({ exitCode: 0, stderr: '' });
      expect(differences(reference.products, await hashKernelProducts(source, tree))).toEqual([]);
      expect(compilesOf(await lastBuild(cluster)).there.length).toBeGreaterThan(isWhole ? 100 : 50);
      await cluster.heal(second);
    },
    BUILD_TIMEOUT_MS,
  );

  test.runIf(isWhole)(
    'losing two of four nodes on the way changes nothing but the time',
    async (context) => {
      context.skip(missing !== undefined, missing);
      await renew();
      const building = pmake(cluster, tree, ['vmlinux'], { env: KERNEL_ENV });
      await expect.poll(() => countParts(tree), { timeout: BUILD_TIMEOUT_MS, interval: 100 }).toBeGreaterThan(5);
      await cluster.kill(2);
      await expect.poll(() => countParts(tree), { timeout: BUILD_TIMEOUT_MS, interval: 100 }).toBeGreaterThan(25);
      await cluster.cut(3);
      const ended = await building;
      expect(ended, ended.all).toMatchObject({ exitCode: 0, stderr: '' });
      expect(differences(reference.products, await hashKernelProducts(source, tree))).toEqual([]);
      expect(madeElsewhere(await lastBuild(cluster))).toBeGreaterThan(0);
    },
    BUILD_TIMEOUT_MS,
  );
});
