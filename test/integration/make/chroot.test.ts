/** pmake in a root directory that is no mount point; the node, a worker in the same root, is reached by a command. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { BuildReport } from '../../../src/protocol/control.ts';
import { canHaveChroot, makeChroot } from '../../rig/chroot.ts';
import { needBuild, PMAKE, PMAKECTL } from '../../rig/pmake.ts';
import { writeFiles } from '../../rig/projects.ts';

/** With so many slots there, compiles wait for the node. */
const CONFIG = { localSlots: 1, nodes: [{ name: 'n1', host: 'n1', slots: 8, command: ['env'] }] };
/** With pmake the first process of its pid namespace, what it started ends before anybody could ask. */
const BUILD = '"$0" -s -j4 && "$1" explain --json; status=$?; "$1" stop >/dev/null; exit $status';

test.skipIf(!canHaveChroot())('in a chroot whose root is no mount point, jobs go to the nodes', async () => {
  needBuild();
  using chroot = makeChroot();
  const project = join(chroot.root, 'build/project');
  mkdirSync(project, { recursive: true });
  await writeFiles(project, {
    Makefile: 'all: a.o b.o c.o\n',
    ...Object.fromEntries(['a', 'b', 'c'].map((name) => [`${name}.c`, `int ${name};\n`])),
  });
  await writeFiles(join(chroot.root, 'root/.config/pmake'), { 'config.json': JSON.stringify(CONFIG) });
  const ran = await chroot.run('/build/project', ['sh', '-c', BUILD, PMAKE, PMAKECTL]);
  expect(ran, ran.all).toMatchObject({ exitCode: 0 });
  const report = JSON.parse(ran.stdout) as BuildReport;
  expect(report.problems).toEqual([]);
  expect(report).toMatchObject({ here: 0, byNode: { n1: 3 } });
  expect(readdirSync(project).sort()).toEqual(['Makefile', 'a.c', 'a.o', 'b.c', 'b.o', 'c.c', 'c.o']);
});
