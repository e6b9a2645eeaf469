import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import { canHaveCluster, startCluster, type Cluster } from '../rig/cluster.ts';
import { compilesOf, lastBuild, needBuild, PCC, pmake, stopDispatcher, startDispatcher } from '../rig/pmake.ts';
import { describeNoSource, luaSource, zlibSource, type SourceResult } from '../rig/sources.ts';
import { copyTree, differences, hashTree, makeWorkTree, type WorkTree } from '../rig/work-tree.ts';

const JOBS = '-j6';
/** A log of configure’s has the time and the machine’s load in it. */
const isProduct = (path: string) => !path.endsWith('.log');

describe.skipIf(!canHaveCluster())('packages as their authors publish them', () => {
  let cluster: Cluster;
  let work: WorkTree;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    cluster = await startCluster(4);
  });

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  /** A fresh copy of `source` at the same path for each build: a path may end up in what is built. */
  async function freshTree(context: TestContext, source: SourceResult): Promise<string> {
    if (!source.ok) return context.skip(describeNoSource(source.failure));
    const tree = join(work.path, 'package');
    await execa('rm', ['-rf', tree]);
    await copyTree(source.value, tree);
    return tree;
  }

  test('lua: pmake makes what make makes', async (context) => {
    const source = await luaSource();
    const words = ['linux', 'MYCFLAGS=-g'];
    const local = await freshTree(context, source);
    const { stderr } = await execa('make', ['-j2', ...words], { cwd: local });
    const expected = await hashTree(local);
    const tree = await freshTree(context, source);
    await startDispatcher(cluster);
    const build = await pmake(cluster, tree, [JOBS, ...words]);
    expect(build, build.all).toMatchObject({ exitCode: 0, stderr });
    expect(differences(expected, await hashTree(tree))).toEqual([]);
    const { here, there } = compilesOf(await lastBuild(cluster));
    expect(there.length).toBeGreaterThanOrEqual(30);
    expect(here).toEqual([]);
  });

  test('lua: plain make with CC=pcc, no pmake in sight', async (context) => {
    const source = await luaSource();
    const local = await freshTree(context, source);
    const { stderr } = await execa('make', ['-j2', 'linux', 'CC=cc'], { cwd: local });
    const expected = await hashTree(local);
    const tree = await freshTree(context, source);
    await stopDispatcher(cluster);
    const env = { PATH: `${dirname(PCC)}:${process.env.PATH ?? ''}`, PMAKE_NODES: cluster.pmakeNodes };
    const build = await cluster.exec(1, ['make', JOBS, 'linux', 'CC=pcc'], { cwd: tree, env });
    expect(build, build.all).toMatchObject({ exitCode: 0, stderr });
    expect(differences(expected, await hashTree(tree))).toEqual([]);
    expect(compilesOf(await lastBuild(cluster)).there.length).toBeGreaterThanOrEqual(30);
  });

  test('zlib: configure and make both under pmake’s compilers', async (context) => {
    const source = await zlibSource();
    const local = await freshTree(context, source);
    await execa('sh', ['-c', './configure && make -j2'], { cwd: local, env: { LC_ALL: 'C' } });
    const expected = await hashTree(local, isProduct);
    const tree = await freshTree(context, source);
    const configured = await cluster.exec(1, ['./configure'], { cwd: tree });
    expect(configured.exitCode, configured.all).toBe(0);
    const build = await pmake(cluster, tree, [JOBS]);
    expect(build, build.all).toMatchObject({ exitCode: 0, stderr: '' });
    expect(differences(expected, await hashTree(tree, isProduct))).toEqual([]);
    expect(compilesOf(await lastBuild(cluster)).there.length).toBeGreaterThanOrEqual(28);
  });
});
