/** A node that has the tree under another name, and nothing under the name here. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canHaveCluster, startCluster, type Cluster } from '../../rig/cluster.ts';
import { compilesOf, lastBuild, needBuild, nodeStates, PMAKE } from '../../rig/pmake.ts';
import { writeFiles } from '../../rig/projects.ts';
import { differences, hashTree, makeWorkTree, type WorkTree } from '../../rig/work-tree.ts';

/** Each node has a /run of its own. */
const ELSEWHERE = '/run/elsewhere/than-here';
const NODE_UP_MS = 30_000;
const SOURCES = ['one', 'two', 'three', 'four'] as const;

describe.skipIf(!canHaveCluster())('a node that mounts the tree at another path', () => {
  let cluster: Cluster;
  let work: WorkTree;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    cluster = await startCluster(2);
    const { path } = work;
    const moved = `mkdir -p ${ELSEWHERE} && mount --bind ${path} ${ELSEWHERE} && mount -t tmpfs none ${path}`;
    const { exitCode, all } = await cluster.exec(2, ['sh', '-c', moved]);
    expect(exitCode, all).toBe(0);
    const node = { host: 'node2', slots: 8, paths: { [path]: ELSEWHERE } };
    await mkdir(join(path, 'config/pmake'), { recursive: true });
    await writeFile(join(path, 'config/pmake/config.json'), JSON.stringify({ nodes: [node] }));
  });

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  function project(directory: string): Record<string, string> {
    const source = (name: string): string =>
      [
        `#include <assert.h>`,
        `#include "shared.h"`,
        `const char *${name}_file = __FILE__ SHARED;`,
        `int ${name}(int a) { int unused; assert(a > 1); return a << 40; }\n`,
      ].join('\n');
    return {
      Makefile: [
        `CFLAGS = -g -Wall -MMD -MP -I${directory}/include`,
        `all: ${SOURCES.map((name) => `${name}.o`).join(' ')} five.o`,
        'five.o: five.c\n\tclang -g -c five.c -o five.o\n',
      ].join('\n'),
      'include/shared.h': '#define SHARED __FILE__\nstatic inline int shared(int a) { return a; }\n',
      ...Object.fromEntries(SOURCES.map((name) => [`${name}.c`, source(name)])),
      'five.c': 'int five;\n',
    };
  }

  test('gcc’s objects, depfiles and messages are those of a compile here; clang’s jobs run here and say why', async () => {
    const directory = join(work.path, 'project');
    await writeFiles(directory, project(directory));
    const words = ['-j1', 'CC=gcc'];
    const local = await execa('make', words, { cwd: directory, env: { LC_ALL: 'C' } });
    expect(local.stderr).toContain('unused');
    const expected = await hashTree(directory);
    await execa('rm', ['-rf', directory]);
    await writeFiles(directory, project(directory));
    const env = { XDG_CONFIG_HOME: join(work.path, 'config') };
    // Until the node is up, a compile would run here.
    await cluster.exec(1, [PMAKE, '-f', '/dev/null', '--eval=all:;@:', 'all'], { cwd: directory, env });
    await expect.poll(async () => (await nodeStates(cluster))[0]?.state, { timeout: NODE_UP_MS }).toBe('up');
    const built = await cluster.exec(1, [PMAKE, ...words], { cwd: directory, env });
    expect(built, built.all).toMatchObject({ exitCode: 0, stdout: local.stdout, stderr: local.stderr });
    expect(differences(expected, await hashTree(directory))).toEqual([]);
    const { here, there } = compilesOf(await lastBuild(cluster));
    expect(there.map(({ file }) => file)).toEqual(SOURCES.map((name) => join(directory, `${name}.c`)));
    expect(here).toMatchObject([{ file: join(directory, 'five.c'), reason: 'paths-not-mapped' }]);
  });
});
