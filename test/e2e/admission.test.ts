import { existsSync, readdirSync } from 'node:fs';
import { mkdir, open, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { privateDirectoryIn } from '../../src/tree/private-directory.ts';
import { canHaveCluster, startCluster, type Cluster } from '../rig/cluster.ts';
import { compilesOf, lastBuild, needBuild, nodeStates, pmake, stopDispatcher } from '../rig/pmake.ts';
import { writeFiles } from '../rig/projects.ts';
import { makeWorkTree, type WorkTree } from '../rig/work-tree.ts';

const SOURCES_OF_EACH = 6;
/** Resolved on the node, whatever gcc there is; a byte behind its end changes the file and not what it does. */
const OTHER_GCC = 'gcc=$(readlink -f /usr/bin/gcc); cp -p $gcc /tmp/gcc; echo >>/tmp/gcc; mount --bind /tmp/gcc $gcc';

/** Keeps a private directory, even if another process releases it. */
const KEEPS_PLACE = 'kept-by-admission-test';

describe.skipIf(!canHaveCluster())('a node is refused for what is not the same there, and for that alone', () => {
  let cluster: Cluster;
  let work: WorkTree;
  let project: string;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    cluster = await startCluster(4);
    project = join(work.path, 'project');
    for (const name of proofsLeft()) older.add(name);
    const names = Array.from({ length: SOURCES_OF_EACH }, (_, index) => `${index}`);
    const objects = (letter: string) => names.map((name) => `${letter}${name}.o`).join(' ');
    await writeFiles(project, {
      Makefile: `CFLAGS = -O2\nall: c ${objects('x')}\nc: ${objects('c')}\nclean:\n\trm -f *.o\n`,
      ...Object.fromEntries(names.map((name) => [`c${name}.c`, `#include <stdio.h>\nint c${name};\n`])),
      ...Object.fromEntries(names.map((name) => [`x${name}.cpp`, `#include <string>\nstd::string x${name};\n`])),
    });
  });

  afterAll(async () => {
    await stopDispatcher(cluster);
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  async function on(node: number, script: string): Promise<void> {
    const ran = await cluster.exec(node, ['sh', '-ec', script]);
    expect(ran, ran.all).toMatchObject({ exitCode: 0 });
  }

  /** The files that each node compiled. */
  async function build(target = 'all'): Promise<ReadonlyMap<string, readonly string[]>> {
    await execa('make', ['-s', 'clean'], { cwd: project });
    const built = await pmake(cluster, project, ['-j8', target]);
    expect(built, built.all).toMatchObject({ exitCode: 0, stderr: '' });
    const files = new Map<string, string[]>();
    for (const { where, file } of compilesOf(await lastBuild(cluster)).there) {
      files.set(where, [...(files.get(where) ?? []), file]);
    }
    return files;
  }

  /** Which of them has a slot free when a job asks is a matter of moments: builds go on until each had one. */
  async function buildUntilUsed(...nodes: readonly string[]): Promise<void> {
    const used = new Set<string>();
    while (nodes.some((node) => !used.has(node))) for (const node of (await build('c')).keys()) used.add(node);
  }

  async function reasonOf(name: string) {
    const node = (await nodeStates(cluster)).find((one) => one.name === name);
    return { state: node?.state, reason: node?.reason };
  }

  async function refusedNodes() {
    return (await nodeStates(cluster)).filter(({ reason }) => reason !== '');
  }

  async function writeHeader(directory: string): Promise<string> {
    const path = join(directory, 'header-for-later');
    await writeFile(path, 'int hidden;\n');
    return path;
  }

  /** Of dispatchers that were killed on this machine before. */
  const older = new Set<string>();

  /** A dispatcher that lives may keep the directory, and one that was killed leaves its holder in it. */
  function proofsLeft(): string[] {
    const privateOnes = ['/var', '/var/tmp', work.path, project]
      .map(privateDirectoryIn)
      .filter((path) => existsSync(path));
    return privateOnes
      .flatMap((path) => readdirSync(path))
      .filter((name) => !name.startsWith('holder-') && name !== KEEPS_PLACE && !older.has(name));
  }

  test('another compiler, another file system at the same path: the reasons are shown', async () => {
    await on(3, OTHER_GCC);
    // The same names, sizes and times: only the proof tells that it is not the same tree.
    await on(4, `cp -a ${work.path} /tmp/copy; mount -t tmpfs none ${work.path}; cp -a /tmp/copy/. ${work.path}`);
    // Nodes are looked at when the first job is to go there.
    let files;
    do {
      files = await build();
      expect(files.get('node3')?.filter((file) => file.endsWith('.c')) ?? []).toEqual([]);
      expect(files.get('node4')).toBeUndefined();
    } while (!files.has('node2') || !files.has('node3') || (await refusedNodes()).length < 2);
    expect(await reasonOf('node2')).toEqual({ state: 'up', reason: '' });
    const compiler = await reasonOf('node3');
    expect(compiler).toMatchObject({ state: 'up' });
    expect(compiler.reason).toMatch(/it has another \/\S*(gcc|cc): its driver .* is another file/);
    const tree = await reasonOf('node4');
    expect(tree.state).toBe('refused');
    expect(tree.reason).toContain(`it sees another ${project} (there: none at ${work.path}, tmpfs;`);
    expect((await lastBuild(cluster)).problems).toEqual([`node3: ${compiler.reason}`, `node4: ${tree.reason}`]);
    expect(proofsLeft()).toEqual([]);
  });

  test('once that is fixed, the next build uses both', async () => {
    await on(3, 'umount $(readlink -f /usr/bin/gcc)');
    await on(4, `umount ${work.path}`);
    // The first jobs of a build have the nodes looked at again, and need not wait for that.
    await build();
    while ((await refusedNodes()).length > 0) await build();
    await buildUntilUsed('node2', 'node3', 'node4');
    for (const name of ['node3', 'node4']) expect(await reasonOf(name)).toEqual({ state: 'up', reason: '' });
    expect(proofsLeft()).toEqual([]);
  });

  test('a node that shares this one directory and nothing above it is used', async () => {
    const keep = 'mkdir /tmp/keep; mount --bind "$0" /tmp/keep; mount -t tmpfs none "$1"; mkdir "$0"';
    const only = ['sh', '-ec', `${keep}; mount --move /tmp/keep "$0"`, project, work.path];
    expect(await cluster.exec(2, only)).toMatchObject({ exitCode: 0 });
    await buildUntilUsed('node2');
    expect(await reasonOf('node2')).toEqual({ state: 'up', reason: '' });
    await on(2, `umount ${project}; umount ${work.path}`);
    expect(proofsLeft()).toEqual([]);
  });

  test('a tree that the node may not write: it is refused, and used when it may', async () => {
    await on(2, `mount --bind ${work.path} ${work.path}; mount -o remount,ro,bind ${work.path}`);
    while ((await refusedNodes()).length === 0) expect((await build()).has('node2')).toBe(false);
    expect((await reasonOf('node2')).reason).toMatch(/cannot write in .* \(EROFS\): mount it there read-write/);
    await on(2, `umount ${work.path}`);
    while ((await refusedNodes()).length > 0) await build();
    await buildUntilUsed('node2');
  });

  test('a node that hides what it wrote: compiled here after PMAKE_HOLD_TIMEOUT, and the file, node and mount are named', async () => {
    const places = ['/var', '/var/tmp', work.path, project].map(privateDirectoryIn);
    for (const place of places) {
      await mkdir(place, { recursive: true, mode: 0o700 });
      await writeFile(join(place, KEEPS_PLACE), '');
    }
    const hidden = join(project, 'hidden');
    await mkdir(hidden);
    await writeFiles(project, {
      'hidden.c': '#include "fifo.h"\n',
      'hidden.mk': 'all: hidden/a.o\nhidden/a.o: hidden.c\n\t$(CC) -c -o $@ $<\n',
    });
    await execa('mkfifo', [join(project, 'fifo.h')]);
    await buildUntilUsed('node2');
    const building = pmake(cluster, project, ['-f', 'hidden.mk'], {
      nodes: 'node2/1',
      env: { PMAKE_HOLD_TIMEOUT: '0.5' },
    });
    // Opened when the compile has begun there, with nothing that speaks against the node.
    const header = await open(join(project, 'fifo.h'), 'w');
    await on(2, places.map((place) => `mount -t tmpfs -o mode=700 none ${place}`).join('; '));
    // As a file it is there for the compile here.
    await rename(await writeHeader(project), join(project, 'fifo.h'));
    await header.write('int hidden;\n');
    await header.close();
    const built = await building;
    expect(built, built.all).toMatchObject({ exitCode: 0, stderr: '' });
    expect(readdirSync(hidden)).toEqual(['a.o']);
    const report = await lastBuild(cluster);
    expect(report).toMatchObject({ there: 0, retryReasons: { 'outputs-not-visible': 1 } });
    expect(report.problems).toEqual([
      expect.stringMatching(
        /hidden\/a\.o, which node2 wrote, did not become visible here within 0\.5 s .* is \S+ \(\w+, rw.*pmakectl doctor node2/,
      ),
    ]);
    await on(2, places.map((place) => `umount ${place}`).join('; '));
    for (const place of places) {
      await rm(join(place, KEEPS_PLACE));
      // The dispatcher may still be in one of them, and removes that itself.
      await rmdir(place).catch(() => undefined);
    }
  });

  test('a node with a file system of its own below a directory that is searched gets no such job', async () => {
    await on(2, `mount -t tmpfs none ${join(project, 'hidden')}`);
    while ((await refusedNodes()).length === 0) expect((await build('c')).has('node2')).toBe(false);
    expect((await reasonOf('node2')).reason).toMatch(/^below \S+ it has another file system mounted \(none at /);
    await on(2, `umount ${join(project, 'hidden')}`);
    while ((await refusedNodes()).length > 0) await build('c');
    await buildUntilUsed('node2');
  });
});
