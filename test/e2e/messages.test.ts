import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canHaveCluster, startCluster, type Cluster } from '../rig/cluster.ts';
import { compilesOf, lastBuild, needBuild, pmake } from '../rig/pmake.ts';
import { writeFiles, writeManySources } from '../rig/projects.ts';
import { differences, hashTree, makeWorkTree, type WorkTree } from '../rig/work-tree.ts';

const LOCALE = { LC_ALL: 'C.UTF-8' };

describe.skipIf(!canHaveCluster())('what the user sees is what make shows', () => {
  let cluster: Cluster;
  let work: WorkTree;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    cluster = await startCluster(3);
  });

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  /** Runs make and pmake in turn on the same fresh project. */
  async function both(name: string, files: Record<string, string>, words: readonly string[] = []) {
    const directory = join(work.path, name);
    await writeFiles(directory, files);
    const local = await execa('make', words, { cwd: directory, env: LOCALE, reject: false });
    const expected = await hashTree(directory);
    await execa('rm', ['-rf', directory]);
    await writeFiles(directory, files);
    const built = await pmake(cluster, directory, words, { env: LOCALE });
    return { directory, local, built, differing: differences(expected, await hashTree(directory)) };
  }

  test('a compile error: gcc’s text, make’s status, no object', async () => {
    const { local, built, differing } = await both(
      'error',
      {
        Makefile: 'all: good.o bad.o\nbad.o: bad.c sub/bad.h\n',
        'good.c': 'int good;\n',
        'sub/bad.h': 'int missing_semicolon\n',
        'bad.c': '#include "sub/bad.h"\nint bad(void) { return undeclared; }\n',
      },
      ['-j1'],
    );
    expect(local).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('undeclared') as string });
    expect(built).toMatchObject({ exitCode: 2, stderr: local.stderr, stdout: local.stdout });
    expect(differing).toEqual([]);
  });

  test('a warning comes once, word for word', async () => {
    const { local, built } = await both(
      'warning',
      {
        Makefile: 'CFLAGS = -Wall\nall: one.o\n',
        'one.c': 'static int unused;\nint one(void) { int x; return x; }\n',
      },
      ['-j1'],
    );
    expect(local.stderr).toContain('unused');
    expect(built).toMatchObject({ exitCode: 0, stderr: local.stderr, stdout: local.stdout });
    expect(compilesOf(await lastBuild(cluster)).there).toHaveLength(1);
  });

  test('a path with spaces, quotes and UTF-8', async () => {
    const { built, local, differing } = await both(
      'it’s "ünï" $5 and space',
      {
        Makefile: [
          'all:',
          "\tgcc -g -MMD -MF 'a b.d' -I 'in c' -DNAME='\"quo\\\"te\"' -c 'sp ace'\\''s \"ü\".c' -o 'o \"ut\".o'",
          "\tgcc -g -c 'sp ace'\\''s \"ü\".c' -I 'in c' -DNAME='\"x\"' -o ö.o 2>&1\n",
        ].join('\n'),
        'in c/he ader.h': 'extern const char *name;\n',
        'sp ace\'s "ü".c':
          '#include "he ader.h"\n#include <assert.h>\nconst char *name = NAME __FILE__;\nint f(int a) { assert(a); return a; }\n',
      },
      ['-j1'],
    );
    expect(local.exitCode, local.stderr).toBe(0);
    expect(built, built.all).toMatchObject({ exitCode: 0, stderr: local.stderr, stdout: local.stdout });
    expect(differing).toEqual([]);
    expect(compilesOf(await lastBuild(cluster)).there).toHaveLength(2);
  });

  test('two builds at once, each with its own report and result', async () => {
    const trees = [join(work.path, 'first'), join(work.path, 'second')];
    for (const tree of trees) await writeManySources(tree, 12);
    const builds = await Promise.all(trees.map((tree) => pmake(cluster, tree, ['-j4'])));
    for (const build of builds) expect(build, build.all).toMatchObject({ exitCode: 0, stderr: '' });
    for (const tree of trees) {
      const built = await hashTree(tree);
      await execa('make', ['-s', 'clean'], { cwd: tree });
      await execa('make', ['-s', '-j2'], { cwd: tree });
      expect(differences(await hashTree(tree), built)).toEqual([]);
    }
    expect((await lastBuild(cluster)).here + (await lastBuild(cluster)).there).toBe(14);
  });
});
