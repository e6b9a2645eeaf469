/** A server that logs the user in, and then breaks the rules of ssh's channels. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { expect, it, onTestFinished } from 'vitest';
import { openSshPipe, type SshRequest } from '../../../src/remote/ssh/ssh-pipe.ts';

/** Of ssh2's server: not in its types. */
interface Opening {
  readonly _protocol: { channelOpenConfirm: (remote: number, local: number, window: number, packet: number) => void };
}

it.each([0, 1, 1_023])('a server that takes packets of %d bytes only is refused', async (packetBytes) => {
  const directory = mkdtempSync(join(tmpdir(), 'pmake-hostile-ssh-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const key = join(directory, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const server = new ssh2.Server({ hostKeys: [readFileSync(key)] }, (connection) => {
    connection.on('error', () => undefined);
    connection.on('authentication', (context) => context.accept());
    connection.on('session', (accept) => {
      const { _protocol: protocol } = connection as unknown as Opening;
      const confirm = protocol.channelOpenConfirm.bind(protocol);
      protocol.channelOpenConfirm = (remote, local, window) => confirm(remote, local, window, packetBytes);
      accept().on('exec', (start) => start());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const [type = '', material = ''] = readFileSync(`${key}.pub`, 'utf8').split(' ');
  writeFileSync(join(directory, 'known_hosts'), `[127.0.0.1]:${port} ${type} ${material}\n`);
  const stream = connect(port, '127.0.0.1');
  const request = {
    target: { name: 'n1', host: '127.0.0.1', port, user: 'me' },
    settings: { hostName: '127.0.0.1', port, user: 'me', knownHostsFiles: [join(directory, 'known_hosts')] },
    identities: { offered: [{ kind: 'key', key: readFileSync(key), label: key }], problems: [] },
    transport: { stream, detail: () => '', destroy: () => stream.destroy() },
    command: 'true',
    limits: { handshakeMs: 20_000, keepaliveMs: 5_000 },
  } as unknown as SshRequest;
  const opened = await openSshPipe(request, new AbortController().signal);
  const detail = opened.ok || !('detail' in opened.failure) ? '' : opened.failure.detail;
  expect(detail).toContain(`packets of ${packetBytes} bytes`);
});
