import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CONNECT_LIMITS } from '../../../src/remote/connect-limits.ts';
import { describeNodeFailure } from '../../../src/remote/failure.ts';
import { startSshd, type Sshd } from '../../rig/sshd.ts';
import { expectChannel, expectEcho, expectFailure, NodeHome, specFor } from './node-home.ts';
import { hostName } from '../../rig/names.ts';

let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(() => sshd[Symbol.asyncDispose]());

async function makeKey(path: string, passphrase = ''): Promise<string> {
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'test', '-f', path]);
  const { stdout } = await execa('ssh-keygen', ['-y', '-P', passphrase, '-f', path]);
  return stdout.split(' ').slice(0, 2).join(' ');
}

describe('host keys', () => {
  test('an unknown one is refused, and the sentence says how to make it known', async () => {
    await using home = await NodeHome.for(sshd);
    await home.write('.ssh/known_hosts', '');
    const failure = expectFailure(await home.connect(specFor(sshd)));
    expect(failure).toMatchObject({ reason: 'host-key-unknown', certAuthority: false });
    const { stdout } = await execa('ssh-keygen', ['-l', '-f', '-'], { input: sshd.hostKey });
    const fingerprint = stdout.split(' ')[1] ?? 'none';
    expect(describeNodeFailure(failure)).toContain(fingerprint);
    expect(describeNodeFailure(failure)).toContain(`"ssh -p ${sshd.port} ${sshd.user}@127.0.0.1"`);
  });

  test('a key other than the known one is refused with file and line, and ssh-keygen -R fixes it', async () => {
    await using home = await NodeHome.for(sshd);
    const other = await makeKey(home.path('other'));
    await home.write('.ssh/known_hosts', `# a comment\n[127.0.0.1]:${sshd.port} ${other}\n`);
    const failure = expectFailure(await home.connect(specFor(sshd)));
    expect(failure).toMatchObject({ reason: 'host-key-changed', file: home.path('.ssh/known_hosts'), line: 2 });
    const remedy = /"(ssh-keygen -R [^"]*)"/.exec(describeNodeFailure(failure))?.[1];
    await execa('sh', ['-c', String(remedy)]);
    expect(expectFailure(await home.connect(specFor(sshd))).reason).toBe('host-key-unknown');
  });

  test.each([
    ['host-key-revoked', (key: string, host: string) => `${host} ${key}\n@revoked * ${key}\n`],
    ['host-key-unknown', (key: string, host: string) => `@cert-authority ${host} ${key}\n`],
  ])('%s by a marked line', async (reason, knownHosts) => {
    await using home = await NodeHome.for(sshd);
    await home.write('.ssh/known_hosts', knownHosts(sshd.hostKey, `[127.0.0.1]:${sshd.port}`));
    const failure = expectFailure(await home.connect(specFor(sshd)));
    expect(failure.reason).toBe(reason);
    if (failure.reason === 'host-key-unknown') expect(describeNodeFailure(failure)).toContain('certificate');
  });

  test('a server with more key types than we know is asked for the one we know', async () => {
    await using home = await NodeHome.make();
    const rsa = home.path('rsa');
    await execa('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', rsa]);
    await using both = await startSshd({ config: [`HostKey ${rsa}`] });
    const { stdout } = await execa('ssh-keygen', ['-y', '-f', rsa]);
    await home.write('.ssh/known_hosts', `[127.0.0.1]:${both.port} ${stdout}\n`);
    await home.write('.ssh/config', `IdentityFile ${both.privateKeyPath}\n`);
    await expectEcho(expectChannel(await home.connect(specFor(both))));
  });
});

describe('identities', () => {
  test('a key that the node does not know is refused by name', async () => {
    await using home = await NodeHome.for(sshd);
    await makeKey(home.path('.ssh/id_ed25519'));
    await home.write('.ssh/config', '');
    const failure = expectFailure(await home.connect(specFor(sshd)));
    expect(failure).toMatchObject({ reason: 'authentication-failed', tried: [home.path('.ssh/id_ed25519')] });
    expect(describeNodeFailure(failure)).toContain('ssh-copy-id');
  });

  test('a key with a passphrase is skipped, and the sentence says ssh-add', async () => {
    await using home = await NodeHome.for(sshd);
    await makeKey(home.path('.ssh/id_ed25519'), 'secret');
    await home.write('.ssh/config', '');
    const failure = expectFailure(await home.connect(specFor(sshd)));
    expect(failure).toMatchObject({ reason: 'no-identity', skipped: [{ why: 'encrypted' }] });
    expect(describeNodeFailure(failure)).toContain(`"ssh-add ${home.path('.ssh/id_ed25519')}"`);
  });

  test('an agent that is gone does not keep a key file from being used', async () => {
    await using home = await NodeHome.for(sshd);
    home.env.SSH_AUTH_SOCK = home.path('no-agent');
    await expectEcho(expectChannel(await home.connect(specFor(sshd))));
  });

  test('an agent that never answers is hung up on, and the key file is used', async () => {
    await using home = await NodeHome.for(sshd);
    const socket = home.path('stuck-agent');
    home.env.SSH_AUTH_SOCK = socket;
    const calls: Promise<unknown>[] = [];
    const server = createServer((call) => {
      calls.push(once(call.resume(), 'close'));
    });
    await once(server.listen(socket), 'listening');
    try {
      await expectEcho(expectChannel(await home.connect(specFor(sshd))));
      expect(calls).toHaveLength(1);
      await calls[0];
    } finally {
      server.close();
    }
  });
});

describe('what answers is no sshd', () => {
  const quick = { ...CONNECT_LIMITS, handshakeMs: 300, startMs: 300 };

  test('a closed port', async () => {
    await using home = await NodeHome.make();
    const { server, port } = await listen(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const failure = expectFailure(await home.connect({ name: 'n', host: '127.0.0.1', port }));
    expect(failure).toMatchObject({ reason: 'unreachable', code: 'ECONNREFUSED' });
  });

  test('a host that does not take the connection is found to be silent', async () => {
    await using home = await NodeHome.make();
    await using host = await SilentHost.start();
    const onSilent = vi.fn();
    const options = { limits: { ...quick, silentMs: 100, tcpMs: 1_000 }, onSilent };
    const failure = expectFailure(await home.connect({ name: 'n', host: '127.0.0.1', port: host.port }, options));
    expect(failure).toMatchObject({ reason: 'timeout', phase: 'connect' });
    expect(onSilent).toHaveBeenCalledOnce();
  });

  test('a name without address', async () => {
    await using home = await NodeHome.make();
    const failure = expectFailure(await home.connect({ name: 'n', host: 'pmake-no-such-host.invalid' }));
    expect(failure.reason).toBe('unreachable');
    expect(describeNodeFailure(failure)).toContain('no address is known for pmake-no-such-host.invalid');
  });

  test.each([
    ['stays silent', 'timeout', () => undefined],
    ['hangs up', 'connection-lost', (socket: Socket) => socket.end()],
    ['resets', 'connection-lost', (socket: Socket) => socket.once('data', () => socket.resetAndDestroy())],
    ['speaks HTTP', 'connection-lost', (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('a port that %s', async (_what, reason, behave) => {
    await using home = await NodeHome.make();
    const sockets: Socket[] = [];
    const { server, port } = await listen((socket) => {
      sockets.push(socket);
      behave(socket);
    });
    const onSilent = vi.fn();
    const options = { limits: { ...quick, silentMs: 100 }, onSilent };
    const failure = expectFailure(await home.connect({ name: 'n', host: '127.0.0.1', port }, options));
    expect(failure).toMatchObject({ reason, phase: 'handshake' });
    expect(onSilent).not.toHaveBeenCalled();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  test('a ProxyCommand that fails is quoted', async () => {
    await using home = await NodeHome.make();
    await home.write('.ssh/config', `ProxyCommand sh -c 'echo "no route to %h" >&2; exit 1'\n`);
    const failure = expectFailure(await home.connect({ name: 'n', host: 'n7' }, { limits: quick }));
    expect(failure.reason).toBe('connection-lost');
    expect(describeNodeFailure(failure)).toContain('no route to n7');
  });

  test('an attempt that is aborted ends at once, and takes its connection with it', async () => {
    await using home = await NodeHome.make();
    const abort = new AbortController();
    const { server, port } = await listen(() => abort.abort());
    const connection = once(server, 'connection') as Promise<[Socket]>;
    const failure = expectFailure(await home.connect({ name: 'n', host: '127.0.0.1', port }, { abort: abort.signal }));
    expect(failure.reason).toBe('aborted');
    const [socket] = await connection;
    socket.resume();
    if (!socket.closed) await once(socket, 'close');
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('no worker starts', () => {
  test('where Node.js is not', async () => {
    await using home = await NodeHome.for(sshd);
    const worker = { ...home.worker, node: '/opt/no such/node' };
    const failure = expectFailure(await home.connect(specFor(sshd), { worker }));
    expect(failure).toMatchObject({ reason: 'no-worker' });
    expect(describeNodeFailure(failure)).toMatch(/exit status 12[67].*no such.*set "node"/);
  });

  test('where pmake is not', async () => {
    await using home = await NodeHome.for(sshd);
    const worker = { ...home.worker, script: home.path('elsewhere.js') };
    const failure = expectFailure(await home.connect(specFor(sshd), { worker }));
    expect(describeNodeFailure(failure)).toMatch(/Cannot find module.*set "install"/);
  });

  test('by a program that says something else without end', async () => {
    await using home = await NodeHome.make();
    const command = ['sh', '-c', 'exec yes'];
    const failure = expectFailure(await home.connect({ name: 'n', host: 'n', command }));
    expect(failure).toMatchObject({ reason: 'no-worker', ended: 'still running' });
  });

  test('by a program that says nothing', async () => {
    await using home = await NodeHome.make();
    const spec = { name: 'n', host: hostName('n'), command: ['sh', '-c', 'exec cat'] };
    const failure = expectFailure(await home.connect(spec, { limits: { ...CONNECT_LIMITS, startMs: 300 } }));
    expect(failure).toMatchObject({ reason: 'timeout', phase: 'start' });
  });

  test('by a program that is given up before it said anything', async () => {
    await using home = await NodeHome.make();
    const abort = new AbortController();
    const spec = { name: 'n', host: hostName('n'), command: ['sh', '-c', 'exec cat'] };
    const attempt = home.connect(spec, { abort: abort.signal });
    abort.abort();
    expect(expectFailure(await attempt).reason).toBe('aborted');
  });

  test('by a command that does not exist', async () => {
    await using home = await NodeHome.make();
    const failure = expectFailure(await home.connect({ name: 'n', host: 'n', command: ['/no/such/rsh'] }));
    expect(failure).toMatchObject({ reason: 'command-failed', detail: 'ENOENT' });
  });
});

/** Accepts no connections, like a host that is switched off: its process is stopped and the kernel's queue is full. */
class SilentHost implements AsyncDisposable {
  readonly port: number;
  readonly #server: ChildProcess;
  readonly #queued: Socket[] = [];

  private constructor(server: ChildProcess, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(): Promise<SilentHost> {
    const script =
      'net.createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () { console.log(this.address().port) })';
    const server = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    server.kill('SIGSTOP');
    const host = new SilentHost(server, Number(line.toString()));
    // One more than the backlog says.
    for (let each = 0; each < 2; each += 1) {
      const socket = connect(host.port, '127.0.0.1');
      host.#queued.push(socket);
      await once(socket, 'connect');
    }
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#queued) socket.destroy();
    const ended = once(this.#server, 'exit');
    this.#server.kill('SIGKILL');
    await ended;
  }
}

async function listen(onConnection: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a listening socket without a port');
  return { server, port: address.port };
}
