/** Servers that log the user in, and then break the rules of ssh's channels, or use them to fill this end's memory. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import ssh2, { type ServerChannel } from 'ssh2';
import { expect, it, onTestFinished } from 'vitest';
import type { NodeFailure } from '../../../src/remote/failure.ts';
import type { NodePipe } from '../../../src/remote/channel/node-pipe.ts';
import { openSshPipe, type SshRequest } from '../../../src/remote/ssh/ssh-pipe.ts';
import type { Result } from '../../../src/util/result.ts';

const KIB = 1_024;
const MIB = 1_024 * KIB;
const GLOBAL_REQUEST = 80;
const ANY_WINDOW = 0xffff_ffff;
/** No test here is about keepalives: on a busy machine, a server that reads nothing misses some before it is cut off. */
const NO_KEEPALIVE_MS = 600_000;

/** Of ssh2's server: not in its types. */
interface Protocol {
  channelOpenConfirm(remote: number, local: number, window: number, packet: number): void;
  /** A keepalive, which the client answers. */
  ping(): void;
  readonly _packetRW: { readonly write: { readonly allocStart: number; alloc(size: number): Buffer } };
  readonly _cipher: { encrypt(packet: Buffer): void };
}

interface Connection {
  readonly _protocol: Protocol;
  readonly _sock: Socket;
}

/** What the server confirms when the client opens a channel, and does once the command has been started. */
interface Rules {
  readonly windowBytes?: number;
  readonly packetBytes?: number;
  readonly onStart?: (connection: Connection, channel: ServerChannel) => void;
}

interface Opened {
  readonly opened: Result<NodePipe, NodeFailure>;
  readonly stream: Socket;
}

/** Logs in to a server with these rules. */
async function logIn({ windowBytes, packetBytes, onStart }: Rules): Promise<Opened> {
  const directory = mkdtempSync(join(tmpdir(), 'pmake-hostile-ssh-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const key = join(directory, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  // ssh2's client asks for proofs of host keys only if the server calls itself so.
  const server = new ssh2.Server({ hostKeys: [readFileSync(key)], ident: 'OpenSSH_9.2' }, (client) => {
    const connection = client as unknown as Connection;
    client.on('error', () => undefined);
    client.on('authentication', (context) => context.accept());
    client.on('session', (accept) => {
      const { _protocol: protocol } = connection;
      const confirm = protocol.channelOpenConfirm.bind(protocol);
      protocol.channelOpenConfirm = (remote, local, window, packet) =>
        confirm(remote, local, windowBytes ?? window, packetBytes ?? packet);
      accept().on('exec', (start) => onStart?.(connection, start()) ?? start);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const [type = '', material = ''] = readFileSync(`${key}.pub`, 'utf8').split(' ');
  writeFileSync(join(directory, 'known_hosts'), `[127.0.0.1]:${port} ${type} ${material}\n`);
  const stream = connect(port, '127.0.0.1');
  onTestFinished(() => void stream.destroy());
  const request = {
    target: { name: 'n1', host: '127.0.0.1', port, user: 'me' },
    settings: { hostName: '127.0.0.1', port, user: 'me', knownHostsFiles: [join(directory, 'known_hosts')] },
    identities: { offered: [{ kind: 'key', key: readFileSync(key), label: key }], problems: [] },
    transport: { stream, detail: () => '', destroy: () => stream.destroy() },
    command: 'true',
    limits: { handshakeMs: 20_000, keepaliveMs: NO_KEEPALIVE_MS },
  } as unknown as SshRequest;
  return { opened: await openSshPipe(request, new AbortController().signal), stream };
}

async function pipeTo(rules: Rules): Promise<{ readonly pipe: NodePipe; readonly stream: Socket }> {
  const { opened, stream } = await logIn(rules);
  if (!opened.ok) throw new Error(`it did not log in: ${JSON.stringify(opened.failure)}`);
  return { pipe: opened.value, stream };
}

function sendGlobalRequest({ _packetRW: { write }, _cipher: cipher }: Protocol, name: string, data: Buffer): void {
  const packet = write.alloc(1 + 4 + name.length + 1 + data.length);
  const start = write.allocStart;
  packet[start] = GLOBAL_REQUEST;
  packet.writeUInt32BE(name.length, start + 1);
  packet.write(name, start + 5, 'latin1');
  packet[start + 5 + name.length] = 0;
  packet.set(data, start + 6 + name.length);
  cipher.encrypt(packet);
}

it.each([0, 1, 1_023])('a server that takes packets of %d bytes only is refused', async (packetBytes) => {
  const { opened } = await logIn({ packetBytes, onStart: () => undefined });
  const detail = opened.ok || !('detail' in opened.failure) ? '' : opened.failure.detail;
  expect(detail).toContain(`packets of ${packetBytes} bytes`);
});

it('a server that grants any window and reads nothing is written to as fast as it reads', async () => {
  const { pipe, stream } = await pipeTo({ windowBytes: ANY_WINDOW, onStart: ({ _sock: socket }) => socket.pause() });
  for (let sent = 0; sent < 64; sent += 1) pipe.stdin.write(Buffer.alloc(MIB));
  for (let turn = 0; turn < 100; turn += 1) await nextTurn();
  expect(stream.writableLength).toBeLessThan(2 * MIB);
  // What waits is seen by the writer.
  expect(pipe.stdin.writableLength).toBeGreaterThan(32 * MIB);
});

it('a server whose requests are answered, and that reads nothing, is cut off', async () => {
  const { pipe } = await pipeTo({
    onStart: ({ _sock: socket, _protocol: protocol }) => {
      socket.pause();
      const ask = (): void => {
        for (let count = 0; count < 5_000 && !socket.destroyed; count += 1) protocol.ping();
        if (!socket.destroyed) setImmediate(ask);
      };
      ask();
    },
  });
  expect(await pipe.ended).toContain('its ssh server does not read');
});

it('a server that announces host keys without end, and proves none, is cut off', async () => {
  const { pipe } = await pipeTo({
    onStart: ({ _protocol: protocol }) => {
      for (let count = 0; count < 1_000; count += 1)
        sendGlobalRequest(protocol, 'hostkeys-00@openssh.com', Buffer.alloc(0));
    },
  });
  expect(await pipe.ended).toContain('does not answer');
});
