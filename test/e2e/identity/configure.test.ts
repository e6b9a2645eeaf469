/**
 * A configure script that finds pmake's links in PATH: it must come to the same results, by the same log. Its tests are
 * compiled here; what they print and how they end decides what configure believes.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canHaveCluster, startCluster, type Cluster } from '../../rig/cluster.ts';
import { lastBuild, needBuild, pmake, startDispatcher } from '../../rig/pmake.ts';
import { describeNoSource, helloSource } from '../../rig/sources.ts';
import { copyTree, differences, hashTree, makeWorkTree, type Hashes, type WorkTree } from '../../rig/work-tree.ts';

/** Compiles in a package of this size; hello's configure runs some 400. */
const MIN_TESTS = 100;
const LOCALE = { LC_ALL: 'C' };

interface Configured {
  /** All files but the log. */
  readonly files: Hashes;
  readonly log: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** What is this run's own: its place in PATH, its time, its process numbers, the compiler's temporary files. */
function withoutChance(log: string): string {
  return log
    .replace(/^PATH: .*\n/gm, '')
    .replace(/^(uname|hostname|\/usr\/bin\/uptime).*\n/gm, '')
    .replace(/^(\s*(PATH|ac_cv_env_PATH\w*)=).*$/gm, '$1')
    .replace(/\/tmp\/cc\w+/g, '/tmp/cc')
    .replace(/\bconf\d+subs/g, 'confsubs');
}

/** configure says where along PATH it found gcc, ar and ld: there stand pmake's shims. */
function withoutLinks(text: string): string {
  return text.replace(/\/\S*\/masquerade\/[\w.+-]+\/\w+\/bin\//g, '/usr/bin/');
}

describe.skipIf(!canHaveCluster())('configure under pmake', () => {
  let cluster: Cluster;
  let work: WorkTree;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    cluster = await startCluster(2);
    await startDispatcher(cluster);
  });

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  /** In a fresh copy at the same path. */
  async function configured(source: string, run: (tree: string) => Promise<{ stdout: string; stderr: string }>) {
    const tree = join(work.path, 'hello');
    await execa('rm', ['-rf', tree]);
    await copyTree(source, tree);
    const { stdout, stderr } = await run(tree);
    const files = await hashTree(tree, (path) => path !== 'config.log');
    const log = withoutLinks(withoutChance(await readFile(join(tree, 'config.log'), 'utf8')));
    return { files, log, stdout: withoutLinks(stdout), stderr } satisfies Configured;
  }

  test('config.h, config.status, the Makefiles and the log are what they are without it', async (context) => {
    const source = await helloSource();
    if (!source.ok) return context.skip(describeNoSource(source.failure));
    const words = ['-f', '/dev/null', '--eval=all:;@./configure', 'all'];
    // Below a make as well: the makes that configure starts say where they are.
    const alone = await configured(source.value, (tree) =>
      cluster.exec(1, ['make', ...words], { cwd: tree, env: LOCALE }),
    );
    const under = await configured(source.value, (tree) => pmake(cluster, tree, words, { env: LOCALE }));
    expect(alone.files.get('config.h')).toBeDefined();
    expect(differences(alone.files, under.files)).toEqual([]);
    expect(under).toMatchObject({ stdout: alone.stdout, stderr: alone.stderr });
    expect(under.log.split('\n')).toEqual(alone.log.split('\n'));
    const { hereReasons, there } = await lastBuild(cluster);
    expect(hereReasons['configure-probe']).toBeGreaterThan(MIN_TESTS);
    expect(there).toBe(0);
  });
});
