/**
 * Compilers called by their full path, as cmake writes them into its makefiles, on real nodes: pmake alone makes such a
 * build remote, and what comes out is what make makes.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canHaveCluster, startCluster, type Cluster } from '../rig/cluster.ts';
import { compilesOf, lastBuild, needBuild, pmake, PMAKE, startDispatcher, stopDispatcher } from '../rig/pmake.ts';
import { writeFiles, writeManySources } from '../rig/projects.ts';
import { differences, hashTree, makeWorkTree, type WorkTree } from '../rig/work-tree.ts';

const SOURCES = 6;
const JOBS = '-j4';
/** Not cmake's own logs and marks, which have times in them. */
const isBuilt = (path: string) => /\.(o|d|a)$|(^|\/)(program|tool)$/.test(path);

const CMAKE_LISTS = `cmake_minimum_required(VERSION 3.10)
project(preload C CXX)
set(CMAKE_BUILD_TYPE Debug)
add_library(parts STATIC ${Array.from({ length: SOURCES }, (_, index) => `src/part${index}.c`).join(' ')})
target_include_directories(parts PUBLIC include)
add_executable(program src/main.c)
target_link_libraries(program parts)
add_subdirectory(tool)
`;

async function writeProject(directory: string): Promise<void> {
  await writeManySources(directory, SOURCES);
  await writeFiles(directory, {
    'CMakeLists.txt': CMAKE_LISTS,
    'tool/CMakeLists.txt': 'add_executable(tool tool.cpp)\n',
    'tool/tool.cpp': '#include <vector>\nint main() { std::vector<int> all{1, 2}; return all.size() == 2 ? 0 : 1; }\n',
  });
}

function isInstalled(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0;
}

describe.skipIf(!canHaveCluster() || !isInstalled('cmake'))('compilers called by their full path', () => {
  let cluster: Cluster;
  let work: WorkTree;
  let project: string;
  let build: string;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    project = join(work.path, 'project');
    build = join(work.path, 'build');
    await writeProject(project);
    cluster = await startCluster(3);
    await startDispatcher(cluster);
  });

  afterAll(async () => {
    await stopDispatcher(cluster);
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  /** The same directory, configured afresh by cmake without pmake. */
  async function configure(): Promise<void> {
    await execa('rm', ['-rf', build]);
    await execa('cmake', ['-S', project, '-B', build, '-G', 'Unix Makefiles'], { env: { CC: '', CXX: '' } });
  }

  async function builtByMake(): Promise<ReadonlyMap<string, string>> {
    await configure();
    await execa('make', ['-j2'], { cwd: build });
    return hashTree(build, isBuilt);
  }

  test('a directory that cmake configured without pmake is built on nodes, and is the same to the byte', async () => {
    const expected = await builtByMake();
    expect(expected.size).toBeGreaterThan(2 * SOURCES);
    await configure();
    const ran = await pmake(cluster, build, [JOBS], { env: { PMAKE_SUMMARY: '1' } });
    expect(ran.exitCode, ran.all).toBe(0);
    expect(differences(expected, await hashTree(build, isBuilt))).toEqual([]);
    const report = await lastBuild(cluster);
    const { here, there } = compilesOf(report);
    expect(here).toEqual([]);
    expect(there).toHaveLength(SOURCES + 2);
    // Those, one archive and two links: nothing that runs below a compiler asked for a place.
    expect(report.records).toHaveLength(SOURCES + 2 + 3);
  });

  test('from a directory below, and by -C', async () => {
    await configure();
    const below = await pmake(cluster, join(build, 'tool'), [JOBS]);
    expect(below.exitCode, below.all).toBe(0);
    expect(compilesOf(await lastBuild(cluster)).there).toHaveLength(1);
    const named = await pmake(cluster, work.path, [JOBS, '-C', 'build', 'program']);
    expect(named.exitCode, named.all).toBe(0);
    expect(compilesOf(await lastBuild(cluster)).there).toHaveLength(SOURCES + 1);
  });

  test('PMAKE_PRELOAD=0 leaves them here', async () => {
    await configure();
    const ran = await pmake(cluster, build, [JOBS], { env: { PMAKE_PRELOAD: '0' } });
    expect(ran.exitCode, ran.all).toBe(0);
    expect((await lastBuild(cluster)).records.filter((record) => record.where !== 'here')).toEqual([]);
  });

  test.each([
    ['in the words', ['CC=/usr/bin/gcc'], {}],
    ['in the environment', ['-e'], { CC: '/usr/bin/gcc' }],
    ['behind a program that starts it', ['CC=/usr/bin/env /usr/bin/gcc'], {}],
  ])('a compiler that is named %s', async (_, words, env) => {
    const isOutput = (path: string) => /^(out\/.*\.[od]|program)$/.test(path);
    await execa('make', ['clean'], { cwd: project });
    await execa('make', ['-j2', ...words], { cwd: project, env });
    const expected = await hashTree(project, isOutput);
    await execa('make', ['clean'], { cwd: project });
    const ran = await pmake(cluster, project, [JOBS, ...words], { env });
    expect(ran, ran.all).toMatchObject({ exitCode: 0, stderr: '' });
    expect(differences(expected, await hashTree(project, isOutput))).toEqual([]);
    const report = await lastBuild(cluster);
    expect(compilesOf(report).here).toEqual([]);
    expect(report.records).toHaveLength(SOURCES + 2);
  });

  // fakeroot's library speaks to a process of this host, by a message queue or a port: on a node it fails, or waits for ever.
  test.skipIf(!isInstalled('fakeroot-tcp')).each([
    ['fakeroot-tcp', []],
    ['fakeroot-sysv', []],
    ['unshare', ['-i', 'fakeroot-sysv']],
  ])('below %s all of it is made here, as make makes it', async (program, words) => {
    const isOutput = (path: string) => /^(out\/.*\.[od]|program)$/.test(path);
    await execa('make', ['clean'], { cwd: project });
    await execa(program, [...words, 'make', '-j2'], { cwd: project });
    const expected = await hashTree(project, isOutput);
    await execa('make', ['clean'], { cwd: project });
    const env = { PMAKE_NODES: cluster.pmakeNodes };
    const command = ['timeout', '-k', '5', '120', program, ...words, PMAKE, JOBS];
    const ran = await cluster.exec(1, command, { cwd: project, env });
    expect(ran, ran.all).toMatchObject({ exitCode: 0, stderr: '' });
    expect(differences(expected, await hashTree(project, isOutput))).toEqual([]);
    const { here, there } = compilesOf(await lastBuild(cluster));
    expect(there).toEqual([]);
    expect(here).toHaveLength(SOURCES + 1);
    expect(new Set(here.map(({ reason }) => reason))).toEqual(new Set(['foreign-preload']));
  });

  test('a compiler that is a script is left alone, with what the user preloads, and what it executes is caught', async () => {
    const seen = join(work.path, 'seen');
    const compiler = join(work.path, 'bin/gcc');
    await writeFiles(work.path, {
      'bin/gcc': `#!/bin/sh\necho "script $LD_PRELOAD" >> ${seen}\nexec /usr/bin/gcc "$@"\n`,
    });
    await execa('chmod', ['+x', compiler]);
    await execa('make', ['clean'], { cwd: project });
    const without = await pmake(cluster, project, [JOBS, `CC=${compiler}`]);
    expect(without.exitCode, without.all).toBe(0);
    expect(compilesOf(await lastBuild(cluster)).here).toEqual([]);
    await execa('rm', [seen]);
    await execa('make', ['clean'], { cwd: project });
    const env = { LD_PRELOAD: '/usr/lib/x86_64-linux-gnu/libm.so.6' };
    const ran = await pmake(cluster, project, [JOBS, `CC=${compiler}`], { env });
    expect(ran.exitCode, ran.all).toBe(0);
    const { stdout } = await execa('sort', ['-u', seen]);
    expect(stdout).toMatch(/^script \/usr\/lib\/x86_64-linux-gnu\/libm\.so\.6:\/.*pmake-preload\.so$/);
    const { here, there } = compilesOf(await lastBuild(cluster));
    expect(there).toEqual([]);
    expect(new Set(here.map(({ reason }) => reason))).toEqual(new Set(['foreign-preload']));
  });
});
