/**
 * What pmake makes of a command on a node, against what the compiler makes of it here: every file either wrote, both
 * streams, the status. PMAKE_IDENTITY_GCC and PMAKE_IDENTITY_CLANG say how many cases, PMAKE_IDENTITY_SEED where they
 * begin; `scripts/test --all` runs 2,000 and 1,000.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCase, type Case } from '../../integration/identity/command-line.ts';
import { isDeterministic, planOf } from '../../integration/identity/run-case.ts';
import { lay } from '../../integration/identity/scene.ts';
import { describeCase, shrink } from '../../integration/identity/shrink.ts';
import { canHaveCluster, startCluster, type Cluster } from '../../rig/cluster.ts';
import { lastBuild, needBuild, startDispatcher } from '../../rig/pmake.ts';
import { makeWorkTree, type WorkTree } from '../../rig/work-tree.ts';
import { runBatch } from './batch.ts';

const IS_NIGHT = process.env.PMAKE_TEST_ALL === '1';
/** Not the ones that test/integration/identity begins with. */
const FIRST_SEED = Number(process.env.PMAKE_IDENTITY_SEED ?? 100_001);
const GCC_CASES = Number(process.env.PMAKE_IDENTITY_GCC ?? (IS_NIGHT ? 2_000 : 140));
const CLANG_CASES = Number(process.env.PMAKE_IDENTITY_CLANG ?? (IS_NIGHT ? 1_000 : 60));
/** A build's outputs are compared before the next one is laid out. */
const BATCH = 100;
/** Two set-ups and three compiles, on a busy machine. */
const MAX_MS_PER_CASE = 4_000;
/** Of the compiles that may leave, those that run there: a failing one is run here once more when it misses a file. */
const MIN_SHARE_THERE = 0.75;

describe.skipIf(!canHaveCluster())('a command through pmake on a node', () => {
  let cluster: Cluster;
  let work: WorkTree;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    // Slots enough that no compile runs here for want of one.
    cluster = await startCluster(3, { slots: 4 });
    await startDispatcher(cluster);
  });

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  /** Undefined for a case that the compiler itself does not do the same twice. */
  async function describeMismatch(failing: Case): Promise<string | undefined> {
    const alone = join(work.path, 'alone');
    if (!(await isDeterministic(alone, failing))) return undefined;
    const differs = async (candidate: Case) => (await runBatch(cluster, alone, [candidate])).flat();
    const small = await shrink(failing, async (candidate) => (await differs(candidate)).length > 0);
    return `${describeCase(small)}\n${(await differs(small)).join('\n')}`;
  }

  async function countLeaving(cases: readonly Case[]): Promise<number> {
    const root = join(work.path, 'plans');
    let leaving = 0;
    for (const one of cases) {
      await lay(root, { ...one, setup: [] });
      if (planOf(root, one).kind === 'compile') leaving += 1;
    }
    return leaving;
  }

  test.each(
    [
      { flavour: 'gcc' as const, count: GCC_CASES },
      { flavour: 'clang' as const, count: CLANG_CASES },
    ].filter(({ count }) => count > 0),
  )(
    '$flavour: the same $count times',
    async ({ flavour, count }) => {
      const mismatches: string[] = [];
      const whyHere: Readonly<Record<string, number>>[] = [];
      let [random, there, leaving] = [0, 0, 0];
      for (let from = 0; from < count; from += BATCH) {
        const length = Math.min(BATCH, count - from);
        const cases = Array.from({ length }, (_, index) => makeCase(FIRST_SEED + from + index, flavour));
        const differing = await runBatch(cluster, join(work.path, 'batch'), cases);
        const build = await lastBuild(cluster);
        there += build.there;
        whyHere.push(build.hereReasons);
        leaving += await countLeaving(cases);
        for (const [index, one] of cases.entries()) {
          if (differing[index]?.length === 0) continue;
          const mismatch = await describeMismatch(one);
          if (mismatch === undefined) random += 1;
          else mismatches.push(mismatch);
        }
      }
      expect(mismatches.join('\n\n')).toBe('');
      expect(random).toBeLessThan(count / 20);
      // Were all compiled here, all would be identical as well.
      expect(leaving).toBeGreaterThan(count / 2);
      expect(there, JSON.stringify(whyHere)).toBeGreaterThan(leaving * MIN_SHARE_THERE);
    },
    Math.max(GCC_CASES, CLANG_CASES) * MAX_MS_PER_CASE + 60_000,
  );
});
