import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DoctorReport } from '../../src/report/doctor-text.ts';
import { NFS_TREE, startNfsCluster, whyNoNfsCluster, type NfsCluster } from '../rig/nfs-cluster.ts';
import { lastBuild, needBuild, nodeStates, PMAKE, PMAKECTL, stopDispatcher } from '../rig/pmake.ts';

const PROJECT = `${NFS_TREE}/project`;
const SOURCES = 6;
const isWanted = process.env.PMAKE_TEST_ALL === '1' && whyNoNfsCluster() === undefined;

describe.skipIf(!isWanted)('on real NFS, with the mount options that the kernel takes by itself', () => {
  let cluster: NfsCluster;

  beforeAll(async () => {
    needBuild();
    cluster = await startNfsCluster(3);
    const objects = Array.from({ length: SOURCES }, (_, index) => `part${index}.o`).join(' ');
    await on(
      1,
      `mkdir ${PROJECT}; cd ${PROJECT}; echo 'all: ${objects}' >Makefile
       for object in ${objects}; do echo "int \${object%.o};" >\${object%.o}.c; done`,
    );
  });

  afterAll(async () => {
    await stopDispatcher(cluster);
    await cluster[Symbol.asyncDispose]();
  });

  /** The directory is not there on this machine, so it cannot be the working directory of what starts the command. */
  function inProject(command: readonly string[]) {
    return cluster.exec(1, ['env', '-C', PROJECT, ...command]);
  }

  async function on(machine: number, script: string): Promise<void> {
    const ran = await cluster.exec(machine, ['sh', '-ec', script]);
    expect(ran, ran.all).toMatchObject({ exitCode: 0 });
  }

  /** The nodes that compiled something. */
  async function build(): Promise<string[]> {
    await on(1, `rm -f ${PROJECT}/*.o`);
    const built = await inProject([`PMAKE_NODES=${cluster.pmakeNodes}`, PMAKE, '-j4']);
    expect(built, built.all).toMatchObject({ exitCode: 0, stderr: '' });
    return Object.keys((await lastBuild(cluster)).byNode);
  }

  async function reasonOf(name: string): Promise<string> {
    return (await nodeStates(cluster)).find((node) => node.name === name)?.reason ?? '';
  }

  /** Builds until the node is refused, and then until it is used again. */
  async function breakAndFix(name: string, broken: () => Promise<void>, fix: () => Promise<void>): Promise<string> {
    await broken();
    let reason = '';
    while (reason === '') {
      expect(await build()).not.toContain(name);
      reason = await reasonOf(name);
    }
    await fix();
    while (!(await build()).includes(name));
    expect(await reasonOf(name)).toBe('');
    return reason;
  }

  test('a node whose clock is 30 s ahead is refused with the figure, and used when it is set right', async () => {
    const reason = await breakAndFix(
      'node3',
      () => on(3, "date -s '+30 seconds'"),
      () => on(3, "date -s '-30 seconds'"),
    );
    expect(reason).toMatch(/^its clock is (29|30)\.\d s ahead of that of the file server of .*: let ntp or chrony/);
  });

  test('a node that has another file system at the same path is refused, and used when that is gone', async () => {
    const copy = `cp -a ${PROJECT} /tmp/copy; mount -t tmpfs none ${PROJECT}; cp -a /tmp/copy/. ${PROJECT}`;
    const reason = await breakAndFix(
      'node2',
      () => on(2, copy),
      () => on(2, `umount ${PROJECT}`),
    );
    expect(reason).toContain(`there: none at ${PROJECT}, tmpfs; here: nfsserver:/ at ${NFS_TREE}, nfs4`);
  });

  test('the doctor measures both directions, and what a plain look does not see', async () => {
    const ran = await inProject([PMAKECTL, 'doctor', '--json', 'node2', 'node3']);
    expect(ran, ran.all).toMatchObject({ exitCode: 0 });
    const { nodes, works } = JSON.parse(ran.stdout) as DoctorReport;
    expect(works).toBe(true);
    for (const { lines } of nodes) {
      for (const check of ['sees-files', 'files-seen']) {
        const found = lines.find((line) => line.check === check);
        expect(found?.level).toBe('note');
        expect(found?.text).toMatch(/after \d+ ms when pmake looks, but by a plain lookup not within 1 s/);
        expect(found?.remedy).toContain('lookupcache=positive');
      }
    }
  });
});
