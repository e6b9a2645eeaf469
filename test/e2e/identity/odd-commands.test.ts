/** Commands that no build writes on purpose: each ends, and as it does without pmake. */
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canHaveCluster, startCluster, type Cluster } from '../../rig/cluster.ts';
import { needBuild, pmake, startDispatcher } from '../../rig/pmake.ts';
import { writeFiles } from '../../rig/projects.ts';
import { differences, hashTree, makeWorkTree, type WorkTree } from '../../rig/work-tree.ts';

/** A recipe each; `$$` is make's way to write `$`. A status other than 0 is printed. */
const COMMANDS: Readonly<Record<string, string>> = {
  'no words': 'gcc',
  'an empty word': "gcc -c a.c -o empty.o ''",
  '100,000 words': "gcc $$(seq -f '-DX%.0f' 100000) -c a.c -o many.o",
  'a word of 1 MB in a response file':
    "{ printf %s -DX=; head -c 1000000 /dev/zero | tr '\\0' x; } >long.rsp; gcc @long.rsp -c a.c -o long.o 2>&1 | tail -c 300",
  // The object gets a name that the test can read.
  'bytes that are not UTF-8': `gcc -DX=$$(printf '"\\377\\376"') -DNAME -c a.c -o "$$(printf 'b\\377.o')"; mv b*.o bytes.o`,
  'a response file that names itself': "echo '-DX @self.rsp' >self.rsp; gcc @self.rsp -c a.c -o self.o",
  'a response file that is not there': 'gcc @none.rsp -c a.c -o none.o',
  'a response file that is a directory': 'gcc @. -c a.c -o dot.o',
  'an option without its argument': 'gcc -c a.c -o',
  'control characters': `gcc -DX="$$(printf '\\001\\002\\033[31m\\177')" -c a.c -o control.o`,
  'a source that is a directory': 'gcc -c . -o directory.o',
  'a loop of links': 'ln -s loop.c loop.c; gcc -c loop.c -o loop.o',
  'a name of 5,000 characters': "gcc -c $$(head -c 5000 /dev/zero | tr '\\0' n).c -o x.o",
};

/** gcc finds its parts from argv[0], so the shim gives it a full path; before it has read its words it says that. */
function withoutPath(stderr: string): string {
  return stderr.replace(/^\/\S*\/gcc: /gm, 'gcc: ');
}

describe.skipIf(!canHaveCluster())('an odd command', () => {
  let cluster: Cluster;
  let work: WorkTree;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    cluster = await startCluster(2, { slots: 4 });
    await startDispatcher(cluster);
  });

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  test.each(Object.entries(COMMANDS))('%s', async (_, command) => {
    const directory = join(work.path, 'odd');
    const lay = async (): Promise<void> => {
      await execa('rm', ['-rf', directory]);
      await writeFiles(directory, {
        Makefile: `all:\n\t@${command}; echo ended with $$?\n`,
        'a.c': '#ifdef NAME\nconst char *name = X;\n#endif\nint a;\n',
      });
    };
    await lay();
    const alone = await cluster.exec(1, ['make'], { cwd: directory });
    const expected = await hashTree(directory);
    expect(alone.stdout).toMatch(/ended with \d+$/);
    await lay();
    const under = await pmake(cluster, directory, []);
    expect(under).toMatchObject({ exitCode: alone.exitCode, stdout: alone.stdout });
    expect(withoutPath(under.stderr)).toBe(alone.stderr);
    expect(differences(expected, await hashTree(directory))).toEqual([]);
  });
});
