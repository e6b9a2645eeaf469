/**
 * What a compile reads without the tree's proof: plain make's object is the oracle, a node that would read another header
 * the trap.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobRecord } from '../../src/protocol/control.ts';
import { canHaveCluster, startCluster, type Cluster } from '../rig/cluster.ts';
import { lastBuild, needBuild, pmake, PMAKECTL, startDispatcher, stopDispatcher } from '../rig/pmake.ts';
import { writeFiles } from '../rig/projects.ts';
import { makeWorkTree, type WorkTree } from '../rig/work-tree.ts';

/** On node 1 alone: its /tmp is its own, and so is what it has mounted. */
const ONLY_HERE = `
set -e
mkdir -p /tmp/x /tmp/bin "$1"
echo '#define VALUE 2' >/tmp/x/x.h
printf '#include "x.h"\\nint value = VALUE;\\n' >/tmp/x/linked.c
printf '#!/bin/sh\\nexec /usr/bin/as --defsym only_here=7 "$@"\\n' >/tmp/bin/as
chmod +x /tmp/bin/as
ln -s /usr/lib/gcc /tmp/gcc
mount -t tmpfs none "$1"
echo '#define VALUE 3' >"$1/x.h"
`;

describe.skipIf(!canHaveCluster())('a compile reads what plain make’s reads', () => {
  let cluster: Cluster;
  let work: WorkTree;
  let project: string;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    project = join(work.path, 'project');
    await writeFiles(project, {
      Makefile: 'a.o: a.c\n\t$(CC) $(FLAGS) -c -o $@ $<\nlinked.o: linked.c\n\t$(CC) $(FLAGS) -c -o $@ $<\n',
      'a.c': '#include "x.h"\nint value = VALUE;\n',
      'fallback/x.h': '#define VALUE 1\n',
    });
    await execa('ln', ['-s', '/tmp/x', join(project, 'link')]);
    await execa('ln', ['-s', '/tmp/x/linked.c', join(project, 'linked.c')]);
    cluster = await startCluster(2, { slots: 8 });
    const ran = await cluster.exec(1, ['sh', '-c', ONLY_HERE, project, join(work.path, 'mounted')]);
    expect(ran, ran.all).toMatchObject({ exitCode: 0 });
    await startDispatcher(cluster);
  });

  afterAll(async () => {
    await stopDispatcher(cluster);
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  interface Case {
    readonly flags?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly object?: string;
  }

  /** Builds with plain make and with pmake, and has the objects compared; resolves with where the compile ran. */
  async function build({ flags = '', env = {}, object = 'a.o' }: Case): Promise<JobRecord> {
    const words = ['-B', object, `FLAGS=${flags}`];
    const plain = await cluster.exec(1, ['make', ...words], { cwd: project, env });
    expect(plain, plain.all).toMatchObject({ exitCode: 0 });
    const expected = readFileSync(join(project, object));
    const built = await pmake(cluster, project, words, { env });
    expect(built, built.all).toMatchObject({ exitCode: 0, stderr: plain.stderr });
    expect(readFileSync(join(project, object)).equals(expected)).toBe(true);
    const [record] = (await lastBuild(cluster)).records;
    if (!record) throw new Error('no job');
    return record;
  }

  const AFTER = '-idirafter fallback';

  test('with everything in the tree it runs on the node', async () => {
    expect(await build({ flags: '-Ifallback' })).toMatchObject({ where: 'node2', reason: '' });
  });

  test('an include directory that is a mount point of this host', async () => {
    const record = await build({ flags: '-I../mounted -Ifallback' });
    expect(record).toMatchObject({ where: 'here', reason: 'nodes-unfit' });
    const text = `node2: it sees another ${work.path}/mounted (there: `;
    expect(record.detail?.slice(0, text.length)).toBe(text);
    expect(record.detail).toContain(`here: none at ${work.path}/mounted, tmpfs)`);
    // For other jobs the node is as good as before.
    expect(await build({ flags: '-Ifallback' })).toMatchObject({ where: 'node2' });
  });

  test.each<[string, Case, string, string]>([
    [
      'an include directory that is a link into /tmp',
      { flags: '-Ilink -Ifallback' },
      'node-local-path',
      'link, which is /tmp/x',
    ],
    ['CPATH', { flags: AFTER, env: { CPATH: '/tmp/x' } }, 'node-local-path', '/tmp/x'],
    [
      'C_INCLUDE_PATH through a link',
      { flags: AFTER, env: { C_INCLUDE_PATH: 'link' } },
      'node-local-path',
      'link, which is /tmp/x',
    ],
    ['-Wp,-I', { flags: `-Wp,-I/tmp/x ${AFTER}` }, 'node-local-path', '/tmp/x'],
    [
      '-Xclang',
      { flags: `-Xclang -internal-isystem -Xclang /tmp/x ${AFTER}`, env: { CC: 'clang' } },
      'node-local-path',
      '/tmp/x',
    ],
    ['-isystem of a link', { flags: `-isystem link ${AFTER}` }, 'node-local-path', 'link, which is /tmp/x'],
    [
      'a source that is a link',
      { object: 'linked.o', flags: '-Ifallback' },
      'node-local-path',
      'linked.c, which is /tmp/x/linked.c',
    ],
    ['COMPILER_PATH', { flags: '-Ifallback', env: { COMPILER_PATH: '/tmp/bin' } }, 'node-local-path', '/tmp/bin'],
    ['-B', { flags: '-Ifallback -B/tmp/bin' }, 'node-local-path', '/tmp/bin'],
    ['GCC_EXEC_PREFIX', { flags: '-Ifallback', env: { GCC_EXEC_PREFIX: '/tmp/gcc/' } }, 'node-local-path', '/tmp/gcc/'],
  ])('%s', async (_, one, reason, detail) => {
    const record = await build(one);
    expect(record).toMatchObject({ where: 'here', reason });
    expect(record.detail?.endsWith(detail)).toBe(true);
  });

  test('a header of the system that is another one on the node', async () => {
    const header = '/usr/include/inttypes.h';
    const other = `cp ${header} /tmp/other.h; echo '/* patched */' >>/tmp/other.h; mount --bind /tmp/other.h ${header}`;
    expect(await cluster.exec(2, ['sh', '-ec', other])).toMatchObject({ exitCode: 0 });
    let record;
    // Looked at with each build, but not twice within two seconds.
    do record = await build({ flags: '-Ifallback' });
    while (record.where === 'node2');
    expect(record).toMatchObject({
      where: 'here',
      reason: expect.stringMatching(/^(nodes-unfit|node-differs)$/) as string,
    });
    record = await build({ flags: '-Ifallback' });
    expect(record).toMatchObject({ where: 'here', reason: 'nodes-unfit' });
    const words =
      /^node2: 1 of [\d,]+ system headers differs: its \S*\/inttypes\.h (of \S+ \S+ )?is another file; install/;
    expect(record.detail).toMatch(words);
    // What searches no header of the system is not concerned.
    expect(await build({ flags: '-nostdinc -Ifallback' })).toMatchObject({ where: 'node2' });
    await cluster.exec(2, ['umount', header]);
    do record = await build({ flags: '-Ifallback' });
    while (record.where !== 'node2');
  });

  test('pmakectl explain names the directory', async () => {
    const words = ['explain', '--', 'gcc', '-c', 'a.c', '-Ilink'];
    const { stdout } = await cluster.exec(1, [PMAKECTL, ...words], { cwd: project });
    expect(stdout).toContain(`(node-local-path): ${project}/link, which is /tmp/x`);
    expect(stdout).toMatch(/here, when a slot is free, because it uses a directory that each machine has for itself/);
  });
});
