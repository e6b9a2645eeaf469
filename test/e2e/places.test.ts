/**
 * What a build leaves in the tree besides contents: times, kinds of files, modes, what directories hand down; and what
 * other recipes meet meanwhile. The expected results are plain make's, on the same host, in the same directory.
 */
import { spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canHaveCluster, startCluster, type Cluster } from '../rig/cluster.ts';
import { compilesOf, lastBuild, needBuild, pmake, startDispatcher } from '../rig/pmake.ts';
import { writeFiles } from '../rig/projects.ts';
import { makeWorkTree, type WorkTree } from '../rig/work-tree.ts';

const SOURCES = Array.from({ length: 12 }, (_, index) => `f${index}`);
const OBJECTS = SOURCES.map((name) => `${name}.o`).join(' ');

function sources(): Record<string, string> {
  const text = (name: string): string => `#include "shared.h"\nint ${name}(int a) { return a + SHARED; }\n`;
  return { 'shared.h': '#define SHARED 1\n', ...Object.fromEntries(SOURCES.map((name) => [`${name}.c`, text(name)])) };
}

/** Depfiles in a directory of their own, each a prerequisite of its object (automake's tutorials have it so). */
const WITH_DEPFILES = `
all: ${OBJECTS}
%.o: %.c
%.o: %.c .deps/%.d | .deps
	@echo CC $@
	@gcc -MMD -MP -MF .deps/$*.d -c $< -o $@
.deps: ; @mkdir -p $@
$(patsubst %.o,.deps/%.d,${OBJECTS}):
include $(wildcard .deps/*.d)
`;

/** The directory is a prerequisite like any other. What is made in it later makes it newer, so each has its own. */
const WITH_DIRECTORY = `
all: ${SOURCES.map((name) => `out-${name}/x.o`).join(' ')}
out-%/x.o: %.c out-%
	@echo CC $@
	@gcc -MMD -c $< -o $@
out-%: ; @mkdir -p $@
.PRECIOUS: out-%
`;

/** One recipe walks the tree, again and again, while the others compile. That `.` changes, tar says with plain make too. */
const WITH_WALKER = `
all: ${OBJECTS} walk
%.o: %.c
	@gcc -MD -c $< -o $@
walk:
	@for n in 1 2 3 4 5 6 7 8; do \\
	  rm -rf ../copy && cp -r . ../copy && find . -type f -exec cat {} + >/dev/null || exit 1; \\
	  tar cf ../copy.tar . 2>tar.log || ! grep -v 'file changed as we read it' tar.log || exit 1; \\
	done; find ../copy -name '*pmake*'
`;

describe.skipIf(!canHaveCluster())('a build with pmake', () => {
  let cluster: Cluster;
  let work: WorkTree;
  let directory: string;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    directory = join(work.path, 'project/tree');
    cluster = await startCluster(3, { slots: 4 });
    await startDispatcher(cluster);
  });

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  async function lay(makefile: string, prepare = 'true'): Promise<void> {
    await execa('rm', ['-rf', directory]);
    await writeFiles(directory, { ...sources(), Makefile: makefile });
    await execa('sh', ['-ec', prepare], { cwd: directory });
  }

  const makeAlone = (words: readonly string[]) => cluster.exec(1, ['make', ...words], { cwd: directory });
  const underPmake = (words: readonly string[]) => pmake(cluster, directory, words);

  /** Two builds in a row by each of the two; resolves with what the second printed. */
  async function secondRuns(makefile: string): Promise<{ alone: string; under: string; first: string }> {
    await lay(makefile);
    await makeAlone(['-j4']);
    const alone = await makeAlone(['-j4']);
    await lay(makefile);
    const first = await underPmake([]);
    const { here, there } = compilesOf(await lastBuild(cluster));
    expect({ here: here.length, there: there.length }).toEqual({ here: 0, there: SOURCES.length });
    const under = await underPmake([]);
    return { alone: alone.all, under: under.all, first: first.all };
  }

  test.each([
    ['a depfile is a prerequisite of its object', WITH_DEPFILES],
    ['a directory is a prerequisite of what is in it', WITH_DIRECTORY],
  ])('is up to date for the next make where %s', async (_, makefile) => {
    const { alone, under, first } = await secondRuns(makefile);
    expect(first.match(/^CC /gm)).toHaveLength(SOURCES.length);
    expect(alone).not.toContain('CC ');
    expect(under).toBe(alone);
  });

  test('shows a recipe that walks the tree no file that comes and goes', async () => {
    await lay(WITH_WALKER);
    const built = await underPmake(['-j8']);
    expect(built, built.all).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    expect(readdirSync(work.path).filter((name) => name.startsWith('.pmake'))).toEqual([]);
  });

  /** Kind, mode, owner, links and contents of everything there. */
  function listing(): string[] {
    return readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((path) => {
        const full = join(directory, path);
        const stats = lstatSync(full);
        const kind = stats.isSymbolicLink() ? `-> ${readlinkSync(full)}` : stats.isFile() ? 'file' : 'other';
        const content = stats.isFile() ? readFileSync(full).toString('base64') : '';
        return [path, kind, stats.mode.toString(8), stats.gid, stats.isFile() ? stats.nlink : '', content].join(' ');
      });
  }

  const COMPILE = `
all: ${OBJECTS}
%.o: %.c ; @gcc -MMD -c $< -o $@ || echo failed $@
`;

  test.each([
    ['an object is a link to a file', 'mkdir real; echo old >real/f0.o; ln -s real/f0.o f0.o'],
    ['an object is a link to nothing', 'mkdir real; ln -s real/f0.o f0.o'],
    ['a depfile is a link', 'echo old >dep; ln -s dep f0.d'],
    ['an object has two names', 'echo old >other; ln other f0.o'],
    ['a depfile has two names', 'echo old >other; ln other f0.d'],
    ['an older object has another mode', 'echo old >f0.o; chmod 600 f0.o; echo old >f0.d; chmod 664 f0.d'],
    ['an older depfile may not be written', 'echo old >f0.d; chmod 444 f0.d'],
    ['an older object is empty', ': >f0.o; : >f0.d'],
    ['the directory hands its group down', 'chgrp 4 .; chmod g+s .'],
    ['an object is a directory', 'mkdir f0.o; echo x >f0.o/x'],
  ])('leaves what make leaves where %s', async (_, prepare) => {
    await lay(COMPILE, prepare);
    const alone = await makeAlone(['-j4', '-B']);
    const expected = listing();
    await lay(COMPILE, prepare);
    const under = await underPmake(['-B']);
    expect(listing()).toEqual(expected);
    expect(under).toMatchObject({ exitCode: alone.exitCode, stdout: alone.stdout });
  });

  test.skipIf(spawnSync('getfacl', ['--version']).status !== 0)(
    'leaves the access control lists that make leaves',
    async () => {
      const prepare = 'setfacl -d -m u:1234:rwx,g:4:r,o::- .; mkdir sub';
      const acls = async (): Promise<string> => (await execa('getfacl', ['-R', '.'], { cwd: directory })).stdout;
      await lay(COMPILE, prepare);
      await makeAlone(['-j4']);
      const expected = await acls();
      expect(expected).toContain('user:1234:rw');
      await lay(COMPILE, prepare);
      await underPmake([]);
      expect(await acls()).toBe(expected);
      expect(compilesOf(await lastBuild(cluster)).there).toHaveLength(SOURCES.length);
    },
  );
});
