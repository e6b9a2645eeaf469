import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSshd, type Sshd } from '../../rig/sshd.ts';
import { expectChannel, expectEcho, expectFailure, NodeHome, specFor } from './node-home.ts';

let sshd: Sshd;
beforeAll(async () => {
  // What a login sets for programs of its own, ours would not start with.
  sshd = await startSshd({ config: ['MaxSessions 1', 'SetEnv "NODE_OPTIONS=--require=/no/such/file"'] });
});
afterAll(() => sshd[Symbol.asyncDispose]());

describe('a node that may be used', () => {
  test('answers on the channel, with MaxSessions 1, right behind the preamble', async () => {
    await using home = await NodeHome.for(sshd);
    const channel = expectChannel(await home.connect(specFor(sshd)));
    await expectEcho(channel);
    channel.close();
    channel.close();
    expect(await channel.closed).toBe('closed here');
  });

  test('is found under an alias of ~/.ssh/config with its HostName, Port, User and IdentityFile', async () => {
    await using home = await NodeHome.for(sshd);
    const lines = [
      'hostname 127.0.0.1',
      `port ${sshd.port}`,
      `USER ${sshd.user}`,
      `IdentityFile ${sshd.privateKeyPath}`,
    ];
    await home.write('.ssh/config', `Host other\n  Port 1\nHost farm*\n  ${lines.join('\n  ')}\nHost *\n  Port 2\n`);
    await expectEcho(expectChannel(await home.connect({ name: 'farm7', host: 'farm7' })));
  });

  test('is known by a hashed entry, as ssh-keygen -H writes it', async () => {
    await using home = await NodeHome.for(sshd);
    await execa('ssh-keygen', ['-q', '-H', '-f', home.path('.ssh/known_hosts')]);
    expect(await readFile(home.path('.ssh/known_hosts'), 'utf8')).toMatch(/^\|1\|/);
    await expectEcho(expectChannel(await home.connect(specFor(sshd))));
  });

  test('is known by HostKeyAlias', async () => {
    await using home = await NodeHome.for(sshd);
    await home.write('.ssh/known_hosts', `rack-a ${sshd.hostKey}\n`);
    await home.write('.ssh/config', `HostKeyAlias rack-a\nIdentityFile ${sshd.privateKeyPath}\n`);
    await expectEcho(expectChannel(await home.connect(specFor(sshd))));
  });

  test('lets a key of a real ssh-agent in', async () => {
    await using home = await NodeHome.for(sshd);
    await home.write('.ssh/config', '');
    const socket = home.path('agent');
    const agent = execa('ssh-agent', ['-D', '-a', socket], { reject: false });
    try {
      home.env.SSH_AUTH_SOCK = socket;
      await untilAgentAnswers(socket);
      expect(expectFailure(await home.connect(specFor(sshd))).reason).toBe('no-identity');
      await execa('ssh-add', ['-q', sshd.privateKeyPath], { env: { SSH_AUTH_SOCK: socket } });
      await expectEcho(expectChannel(await home.connect(specFor(sshd))));
    } finally {
      agent.kill('SIGKILL');
      await agent;
    }
  });

  test('is reached through ProxyCommand', async () => {
    await using home = await NodeHome.for(sshd);
    const relay = await home.write(
      'relay.cjs',
      `const [host, port] = process.argv.slice(2);
       const socket = require('net').connect(Number(port), host);
       process.stdin.pipe(socket).pipe(process.stdout);`,
    );
    const proxy = `ProxyCommand ${process.execPath} ${relay} %h %p`;
    await home.write('.ssh/config', `${proxy}\nIdentityFile ${sshd.privateKeyPath}\n`);
    await expectEcho(expectChannel(await home.connect(specFor(sshd))));
  });

  test('is reached by a command instead of ssh', async () => {
    await using home = await NodeHome.make();
    await expectEcho(expectChannel(await home.connect({ name: 'n', host: 'n', command: ['env', 'A=b'] })));
  });
});

async function untilAgentAnswers(socket: string): Promise<void> {
  for (;;) {
    const { exitCode } = await execa('ssh-add', ['-l'], { env: { SSH_AUTH_SOCK: socket }, reject: false });
    if (exitCode !== 2) return;
  }
}
