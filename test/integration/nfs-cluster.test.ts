import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NFS_TREE, startNfsCluster, whyNoNfsCluster, type NfsCluster } from '../rig/nfs-cluster.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/nfs-cluster', import.meta.url));
const SSH = ['ssh', '-o', 'StrictHostKeyChecking=yes', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=2'];
/** Packages are downloaded when they are not there yet. */
const BOOT_TIMEOUT_MS = 300_000;

const reason = whyNoNfsCluster();

/** Everything of clusters named by this process that the machine still has. */
async function leftovers(): Promise<string[]> {
  const mark = `test-${process.pid}-`;
  const { stdout: namespaces } = await execa('ip', ['netns', 'list']);
  const { stdout: mounts } = await execa('cat', ['/proc/self/mounts']);
  const kernels = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid));
  const { stdout: processes } = await execa('ps', ['-o', 'pid=,args=', '-p', kernels.join(',')], { reject: false });
  const lines = [namespaces, mounts, processes].flatMap((text) => text.split('\n'));
  return lines.filter((line) => line.includes(mark) && (line.includes('pmake-nfs') || line.includes('linux.uml')));
}

// Each default run boots one anyway, for a build: test/e2e/nfs.test.ts.
describe.skipIf(reason !== undefined || process.env.PMAKE_TEST_ALL !== '1')(
  `scripts/nfs-cluster${reason === undefined ? '' : ` (${reason})`}`,
  () => {
    let cluster: NfsCluster;
    beforeAll(async () => {
      cluster = await startNfsCluster(2);
    }, BOOT_TIMEOUT_MS);
    afterAll(async () => {
      await cluster[Symbol.asyncDispose]();
      expect(await leftovers()).toEqual([]);
    });

    test('nodes have the default options, names, homes and kernels of their own, and share the tree', async () => {
      const { stdout } = await cluster.exec(1, [
        'sh',
        '-c',
        `hostname; echo $HOME; pwd; grep -c ' ${NFS_TREE} nfs4 rw,.*vers=4.2,' /proc/mounts; echo shared > ${NFS_TREE}/file; touch /tmp/mine`,
      ]);
      expect(stdout.split('\n')).toEqual(['node1', '/run/home', process.cwd(), '1']);
      expect((await cluster.exec(2, ['cat', `${NFS_TREE}/file`])).stdout).toBe('shared');
      expect((await cluster.exec('server', ['cat', '/srv/tree/file'])).stdout).toBe('shared');
      expect((await cluster.exec(2, ['test', '-e', '/tmp/mine'])).exitCode).toBe(1);
      expect((await cluster.exec(2, ['test', '-r', import.meta.filename])).exitCode).toBe(0);
    });

    test('a file that a node has missed stays missing there: these are real caches', async () => {
      const read = async () => (await cluster.exec(2, ['cat', `${NFS_TREE}/late`])).all;
      expect(await read()).toMatch('No such file');
      await cluster.exec(1, ['sh', '-c', `echo written > ${NFS_TREE}/late`]);
      expect(await read()).toMatch('No such file');
      await cluster.exec(2, ['ls', NFS_TREE]);
      expect(await read()).toBe('written');
    });

    test('exec passes words, input, environment and status', async () => {
      const said = await cluster.exec(2, ['sh', '-c', 'cat; echo "$WORDS"; exit 7'], {
        input: 'in; ',
        env: { WORDS: `a  'b' "$c"` },
      });
      expect([said.stdout, said.exitCode]).toEqual([`in; a  'b' "$c"`, 7]);
    });

    test.runIf(process.env.PMAKE_TEST_ALL === '1')(
      'a cut or paused node is reached again when healed or resumed',
      async () => {
        const reach = async () => (await cluster.exec(1, [...SSH, 'node2', 'hostname'])).stdout;
        await cluster.cut(2);
        expect(await reach()).toBe('');
        await cluster.heal(2);
        expect(await reach()).toBe('node2');
        await cluster.pause(2);
        expect(await reach()).toBe('');
        await cluster.resume(2);
        expect(await reach()).toBe('node2');
      },
    );

    test('says what is wrong with what it was told', async () => {
      const say = (...words: string[]) =>
        execa(SCRIPT, words, { env: { PMAKE_CLUSTER: 'test-none' }, reject: false, all: true });
      expect(await say('exec', '1', 'true')).toMatchObject({
        exitCode: 125,
        all: expect.stringContaining("'test-none' is up") as string,
      });
      expect(await say('up', 'many')).toMatchObject({
        exitCode: 1,
        all: expect.stringContaining("not 'many'") as string,
      });
      expect(await say('up', '1', '--mount', 'a b')).toMatchObject({
        exitCode: 1,
        all: expect.stringContaining("not 'a b'") as string,
      });
      expect(await say('--help')).toMatchObject({
        exitCode: 0,
        all: expect.stringContaining('up N [--mount OPTIONS]') as string,
      });
    });
  },
);
