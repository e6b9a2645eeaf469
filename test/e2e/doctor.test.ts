import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DoctorCheck, DoctorReport } from '../../src/report/doctor-text.ts';
import { canHaveCluster, startCluster, type Cluster } from '../rig/cluster.ts';
import { needBuild, PMAKECTL } from '../rig/pmake.ts';
import { makeWorkTree, type WorkTree } from '../rig/work-tree.ts';

describe.skipIf(!canHaveCluster())('pmakectl doctor', () => {
  let cluster: Cluster;
  let work: WorkTree;

  beforeAll(async () => {
    needBuild();
    work = await makeWorkTree();
    cluster = await startCluster(4);
  });

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await work[Symbol.asyncDispose]();
  });

  async function doctor(words: readonly string[]): Promise<DoctorReport & { readonly exitCode: number | undefined }> {
    const env = { PMAKE_NODES: cluster.pmakeNodes };
    const ran = await cluster.exec(1, [PMAKECTL, 'doctor', '--json', ...words], { cwd: work.path, env });
    expect(ran.stderr).toBe('');
    return { ...(JSON.parse(ran.stdout) as DoctorReport), exitCode: ran.exitCode };
  }

  function textOf({ nodes }: DoctorReport, name: string, check: DoctorCheck): string[] {
    const lines = nodes.find((node) => node.name === name)?.lines ?? [];
    return lines.filter((line) => line.check === check).map(({ level, text }) => `${level}: ${text}`);
  }

  test('finds nothing where nothing is wrong, without a dispatcher, and leaves nothing', async () => {
    const report = await doctor([]);
    expect(report).toMatchObject({ works: true, exitCode: 0, directory: work.path });
    const lines = [...report.here, ...report.nodes.flatMap((node) => node.lines)];
    expect(lines.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(report.nodes.map(({ name }) => name)).toEqual(['node2', 'node3', 'node4']);
    expect(textOf(report, 'node2', 'sees-files')[0]).toMatch(/^ok: it sees new files of this host after \d+ ms/);
    expect(textOf(report, 'node2', 'files-seen')[0]).toMatch(/^ok: this host sees its new files after \d+ ms/);
    expect((await cluster.exec(1, [PMAKECTL, 'status'])).exitCode).toBe(3);
    expect(readdirSync(work.path)).toEqual([]);
  });

  test('names what is wrong with each node, and says by its status whether a build would use them', async () => {
    await cluster.exec(1, ['sed', '-i', '/^node2,/d', '/run/home/.ssh/known_hosts']);
    const otherGcc = 'gcc=$(readlink -f /usr/bin/cc); cp -p $gcc /tmp/gcc; echo >>/tmp/gcc; mount --bind /tmp/gcc $gcc';
    await cluster.exec(3, ['sh', '-ec', `${otherGcc}; echo "echo welcome" >~/.bashrc`]);
    await cluster.exec(4, ['mount', '-t', 'tmpfs', 'none', work.path]);
    const report = await doctor(['node2', 'node3', 'node4']);
    expect(report).toMatchObject({ works: false, exitCode: 1 });
    expect(report.nodes.map(({ isUsable }) => isUsable)).toEqual([false, false, false]);
    expect(textOf(report, 'node2', 'connection')[0]).toMatch(/^fail: .* not known.*ssh-keyscan node2 >> /);
    expect(textOf(report, 'node3', 'compiler')[0]).toMatch(/^fail: it has another \/\S*cc: its driver/);
    expect(textOf(report, 'node3', 'tree')[0]).toMatch(/^ok/);
    expect(textOf(report, 'node3', 'login')).toContain('note: its shell prints "welcome" at each login');
    expect(textOf(report, 'node4', 'tree')[0]).toMatch(/^fail: it sees another .*tmpfs/);
    await cluster.exec(3, ['sh', '-c', 'umount $(readlink -f /usr/bin/cc)']);
    // One good node is enough for a build, but not where the others were asked for by name.
    expect(await doctor([])).toMatchObject({ works: true, exitCode: 0 });
    expect(await doctor(['node3'])).toMatchObject({ works: true, exitCode: 0 });
  });

  test('refuses a node where the user is another', async () => {
    const command = ['setpriv', '--regid', '1', '--clear-groups'];
    const config = JSON.stringify({ nodes: [{ name: 'stranger', host: 'stranger', command }] });
    const write = ['sh', '-ec', 'mkdir -p ~/.config/pmake; cat >~/.config/pmake/config.json'];
    expect(await cluster.exec(1, write, { input: config })).toMatchObject({ exitCode: 0 });
    const report = await doctor(['stranger']);
    expect(report).toMatchObject({ works: false, exitCode: 1 });
    expect(textOf(report, 'stranger', 'login')[0]).toMatch(/^fail: jobs would run there with group 1, here yours is 0/);
    await cluster.exec(1, ['sh', '-c', 'rm ~/.config/pmake/config.json']);
  });

  test('says what is missing where there are no nodes', async () => {
    const ran = await cluster.exec(1, [PMAKECTL, 'doctor'], { cwd: work.path });
    expect(ran.exitCode).toBe(1);
    expect(ran.stdout).toContain('✗ No nodes are configured: set PMAKE_NODES');
  });
});
