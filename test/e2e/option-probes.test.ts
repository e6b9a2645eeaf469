/**
 * Option probes as kbuild makes them, with real gcc on a real node: what the shell hears and finds is the same whether
 * the compiler runs here, there, or is not asked again.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canHaveCluster, startCluster, type Cluster } from '../rig/cluster.ts';
import { lastBuild, needBuild, pmake, startDispatcher, stopDispatcher } from '../rig/pmake.ts';
import { writeFiles } from '../rig/projects.ts';
import { makeWorkTree, type WorkTree } from '../rig/work-tree.ts';

const OPTIONS = [
  '-O2',
  '-g',
  '-fstack-protector-strong',
  '-Wimplicit-fallthrough=5',
  '-fsanitize=undefined',
  '-fno-such-option',
  '-Wa,-mtune=generic64',
  '-Wno-such-warning',
  '-gz=zlib',
  '-fplugin=none.so',
];
/** After two probes here the next two go to a node, however long they take. */
const SURELY_LEARNED = 2;

/** The shell's process id is in the name, as in kbuild's. */
const TRY = `export LC_ALL=C
for option in ${OPTIONS.join(' ')}; do
  mkdir .tmp_$$
  gcc -Werror $option -c -x c /dev/null -o .tmp_$$/tmp 2>.tmp_$$/said
  echo "$option: $?, $(cksum <.tmp_$$/said), $(ls -l .tmp_$$/tmp 2>/dev/null | cut -d' ' -f1), $(cat .tmp_$$/tmp 2>/dev/null | cksum)"
  rm -rf .tmp_$$
done 2>&1
`;

const MAKEFILE = `answers: first.o
\tsh ./try >$@
first.o: first.c
\tgcc -c -o $@ first.c
`;

describe.skipIf(!canHaveCluster())('option probes', () => {
  let cluster: Cluster;
  let work: WorkTree;
  let answers: string;
  let expected: string;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    answers = join(work.path, 'answers');
    await writeFiles(work.path, { Makefile: MAKEFILE, try: TRY, 'first.c': 'int first;\n' });
    await execa('make', ['-s'], { cwd: work.path });
    expected = await readFile(answers, 'utf8');
    cluster = await startCluster(2);
    await startDispatcher(cluster);
  });

  afterAll(async () => {
    await stopDispatcher(cluster);
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  async function tryAll(env: Readonly<Record<string, string>> = {}): Promise<number> {
    await rm(answers);
    const build = await pmake(cluster, work.path, ['-s'], { env });
    expect(build, build.all).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await readFile(answers, 'utf8')).toBe(expected);
    return (await lastBuild(cluster)).hereReasons['known-probe'] ?? 0;
  }

  test('have the answers that make gets, also where they are known: from before, and from an earlier dispatcher', async () => {
    // The node is checked with it, so that a probe may go there at once.
    await rm(join(work.path, 'first.o'));
    expect(await tryAll()).toBe(0);
    expect(await tryAll()).toBeGreaterThanOrEqual(SURELY_LEARNED);
    await stopDispatcher(cluster);
    expect(await tryAll()).toBeGreaterThanOrEqual(SURELY_LEARNED);
    expect(await tryAll({ PMAKE_TRIALS: 'ask' })).toBe(0);
  });
});
