import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { canHaveCluster, startCluster } from '../rig/cluster.ts';

const SSH = ['ssh', '-o', 'StrictHostKeyChecking=yes', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=2'];

/** Everything of clusters named by this process that the machine still has. */
async function leftovers(): Promise<string[]> {
  const mark = `test-${process.pid}-`;
  const { stdout: namespaces } = await execa('ip', ['netns', 'list']);
  const { stdout: mounts } = await execa('cat', ['/proc/self/mounts']);
  const groups = readdirSync('/sys/fs/cgroup', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes(mark),
  );
  return [...namespaces.split('\n'), ...mounts.split('\n')].filter((line) => line.includes(mark)).concat(groups);
}

/** A container may have its control groups read-only, or none; then there are no shares. */
function hasCpuGroups(): boolean {
  return ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup'].some((root) => {
    try {
      accessSync(root, constants.W_OK);
      return root.includes('cpu') || readFileSync(`${root}/cgroup.controllers`, 'utf8').split(/\s+/).includes('cpu');
    } catch {
      return false;
    }
  });
}

/** Not every kernel counts what waits, and a container may not see it. */
function hasPressure(): boolean {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .some(([, path = '', type]) => type === 'cgroup2' && existsSync(`${path}/io.pressure`));
}

describe.skipIf(!canHaveCluster())('scripts/cluster', () => {
  test('nodes have names, addresses, temporary files and processes of their own, and share the tree', async () => {
    await using cluster = await startCluster(2);
    const told = await cluster.exec(1, [
      'sh',
      '-c',
      'hostname; echo $HOME; touch /tmp/mine; ls /proc | grep -c "^[0-9]"',
    ]);
    const [hostname, home, processes] = told.stdout.split('\n');
    expect([hostname, home]).toEqual(['node1', '/run/home']);
    expect(Number(processes)).toBeLessThan(12);
    expect((await cluster.exec(2, ['test', '-e', '/tmp/mine'])).exitCode).toBe(1);
    expect((await cluster.exec(2, ['test', '-r', import.meta.filename])).exitCode).toBe(0);
  });

  test.skipIf(!hasCpuGroups())('what sshd starts on a node counts against that node’s share of the CPU', async () => {
    await using cluster = await startCluster(3, { cpu: 50 });
    for (const node of [2, 3]) {
      const { stdout } = await cluster.exec(1, [...SSH, `node${node}`, 'cat /proc/self/cgroup']);
      expect(stdout).toMatch(new RegExp(`/pmake-cluster-test-[^/]*/node${node}$`, 'm'));
    }
  });

  test('ssh between nodes works with strict host key checking, and leaves this machine’s ~/.ssh alone', async () => {
    await using cluster = await startCluster(2);
    const { stdout } = await cluster.exec(1, [...SSH, 'node2', 'hostname; cat ~/.ssh/known_hosts | wc -l']);
    expect(stdout.split('\n')).toEqual(['node2', '2']);
  });

  test('exec passes input, status, signal and working directory', async () => {
    await using cluster = await startCluster(1);
    expect((await cluster.exec(1, ['cat'], { input: 'words' })).stdout).toBe('words');
    expect((await cluster.exec(1, ['sh', '-c', 'exit 7'])).exitCode).toBe(7);
    expect((await cluster.exec(1, ['sh', '-c', 'kill -TERM $$'])).signal).toBe('SIGTERM');
    expect((await cluster.exec(1, ['pwd'])).stdout).toBe(process.cwd());
  });

  test('ending exec ends its command on the node', async () => {
    await using cluster = await startCluster(1);
    const sleeper = cluster.exec(1, ['sh', '-c', 'echo begun; exec sleep 1234']);
    await new Promise((resolve) => sleeper.stdout.once('data', resolve));
    sleeper.kill('SIGTERM');
    await sleeper;
    await expect.poll(async () => (await cluster.exec(1, ['pgrep', '-x', 'sleep', '-a'])).stdout).not.toContain('1234');
  });

  test('a killed node says nothing more and comes back when healed', async () => {
    await using cluster = await startCluster(2);
    const session = cluster.exec(1, [
      ...SSH,
      '-o',
      'ServerAliveInterval=1',
      '-o',
      'ServerAliveCountMax=2',
      'node2',
      'echo begun; sleep 1234',
    ]);
    await new Promise((resolve) => session.stdout.once('data', resolve));
    await cluster.kill(2);
    expect((await cluster.exec(2, ['true'])).exitCode).toBe(125);
    // No farewell over the network: ssh had to find out by itself.
    expect((await session).stderr).toMatch(/Timeout, server node2 not responding/);
    await cluster.heal(2);
    expect((await cluster.exec(1, [...SSH, 'node2', 'hostname'])).stdout).toBe('node2');
  });

  test('a cut node goes on by itself and is reached again when healed', async () => {
    await using cluster = await startCluster(2);
    await cluster.cut(2);
    expect((await cluster.exec(1, [...SSH, 'node2', 'true'])).exitCode).toBe(255);
    expect((await cluster.exec(2, ['hostname'])).stdout).toBe('node2');
    await cluster.heal(2);
    expect((await cluster.exec(1, [...SSH, 'node2', 'hostname'])).stdout).toBe('node2');
  });

  test('a CPU quota holds', async () => {
    await using cluster = await startCluster(1, { cpu: 20 });
    const burn = 'timeout 2 sh -c "while :; do :; done"; times';
    const { stdout } = await cluster.exec(1, ['bash', '-c', burn]);
    const seconds = Number(/0m([\d.]+)s [^\n]*$/.exec(stdout)?.[1]);
    expect(seconds).toBeGreaterThan(0.2);
    expect(seconds).toBeLessThan(0.7);
  });

  test.skipIf(!hasPressure())('how long a node waits for the disk is counted for that node alone', async () => {
    await using cluster = await startCluster(2);
    const stalled = () => [1, 2].map((node) => cluster.stalledUs(node, 'io') ?? NaN);
    const [idleBefore = NaN, busyBefore = NaN] = stalled();
    const writes =
      'f=$(mktemp /var/tmp/pmake-cluster-XXXXXX); dd if=/dev/zero of=$f bs=64k count=200 oflag=dsync; rm $f';
    expect((await cluster.exec(2, ['sh', '-c', writes])).exitCode).toBe(0);
    const [idleAfter = NaN, busyAfter = NaN] = stalled();
    expect(busyAfter - busyBefore).toBeGreaterThan(5_000 + 5 * (idleAfter - idleBefore));
  });

  test('nothing is left after down, nor after an up that failed', async () => {
    {
      await using cluster = await startCluster(2, { cpu: 50 });
      await cluster.kill(2);
      expect(await leftovers()).not.toEqual([]);
    }
    expect(await leftovers()).toEqual([]);
    await expect(startCluster(1, { cpu: 0 })).rejects.toThrow(/percentage of one core/);
    expect(await leftovers()).toEqual([]);
  });
});
