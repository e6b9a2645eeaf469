import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { startSshd, type Sshd } from '../rig/sshd.ts';

async function ssh(sshd: Sshd, command: string) {
  const directory = await mkdtemp(join(tmpdir(), 'pmake-ssh-'));
  const knownHosts = join(directory, 'known_hosts');
  await writeFile(knownHosts, sshd.knownHosts);
  const options = [
    'StrictHostKeyChecking=yes',
    'BatchMode=yes',
    `UserKnownHostsFile=${knownHosts}`,
    'IdentitiesOnly=yes',
  ];
  const result = await execa(
    'ssh',
    [
      '-F',
      'none',
      '-p',
      String(sshd.port),
      '-i',
      sshd.privateKeyPath,
      ...options.flatMap((o) => ['-o', o]),
      sshd.host,
      command,
    ],
    { reject: false },
  );
  await rm(directory, { recursive: true });
  return result;
}

test('a session runs in the given home, and the host key is the announced one', async () => {
  await using sshd = await startSshd({ home: '/var/tmp' });
  const result = await ssh(sshd, 'echo $HOME; exit 3');
  expect(result).toMatchObject({ stdout: '/var/tmp', exitCode: 3 });
  expect(sshd.logs()).toContain('Accepted publickey');
});

test('a key that is not authorized is turned away', async () => {
  await using sshd = await startSshd({ authorizeKey: false });
  expect((await ssh(sshd, 'true')).exitCode).toBe(255);
});

test('stop ends open sessions too', async () => {
  await using sshd = await startSshd();
  const session = ssh(sshd, 'echo begun >&2; read -r forever');
  await expect.poll(() => sshd.logs()).toContain('Starting session');
  await sshd.stop();
  expect((await session).exitCode).toBe(255);
});
