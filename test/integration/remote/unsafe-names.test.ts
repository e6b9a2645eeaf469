/**
 * A name with a command in it, on every way that leads to ssh's ProxyCommand, which a shell reads: a lease from a broker
 * that says anything, the node list, ssh's own configuration. Whatever such a name says must not run.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostName, UserName } from '../../../src/protocol/names.ts';
import { encodeFrame, FrameDecoder } from '../../../src/protocol/frame.ts';
import { LOCAL_BROKER_FRAME, LOCAL_BROKER_VERSION } from '../../../src/protocol/local-broker.ts';
import { connectNode } from '../../../src/remote/connect.ts';
import { describeNodeFailure } from '../../../src/remote/failure.ts';
import { hostName, userName } from '../../rig/names.ts';
import { PMAKE, PMAKECTL } from '../../rig/pmake.ts';

/** A command of the user's, with the quotes that the manual page suggests. */
const PROXY_COMMANDS = [
  ['ProxyCommand', "ProxyCommand nc '%h' %p"],
  ['ProxyCommand with the name as it was asked for', 'ProxyCommand nc %n %p'],
  ['ProxyJump', 'ProxyJump nowhere.invalid'],
] as const;
const LIMITS = { tcpMs: 2_000, silentMs: 2_000, handshakeMs: 2_000, startMs: 2_000, keepaliveMs: 1_000 };

let home: string;
let proof: string;
beforeEach(() => {
  // Not below /tmp: a tree there is each machine's own, and its compiles stay here.
  home = mkdtempSync(join(existsSync('/var/tmp') ? '/var/tmp' : tmpdir(), 'pmake-names-'));
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  proof = join(home, 'proof');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Leaves `proof` when a shell reads it, whether inside of single quotes or not. */
const attack = (): string => `a'$(id>${proof})'$(id>${proof})`;

function configure(text: string): void {
  writeFileSync(join(home, '.ssh/config'), `${text}\n`, { mode: 0o600 });
}

async function connect(host: string, user?: string): Promise<string> {
  const spec = { name: 'n', host: host as HostName, ...(user === undefined ? {} : { user: user as UserName }) };
  const worker = { node: process.execPath, script: '/nonexistent', args: [] };
  const abort = new AbortController().signal;
  const connected = await connectNode(spec, worker, abort, { env: { HOME: home }, limits: LIMITS });
  if (connected.ok) throw new Error('connected');
  expect(existsSync(proof)).toBe(false);
  return `${connected.failure.reason}: ${describeNodeFailure(connected.failure)}`;
}

test('the name of these tests does run where a shell reads it', () => {
  execFileSync('/bin/sh', ['-c', `: '${attack()}'`]);
  expect(existsSync(proof)).toBe(true);
  rmSync(proof);
  execFileSync('/bin/sh', ['-c', `: ${attack()}`]);
  expect(existsSync(proof)).toBe(true);
});

describe.each(PROXY_COMMANDS)('with %s', (_, line) => {
  test('a host that came past every other check is refused, and in no command to paste', async () => {
    configure(`Host *\n  ${line}`);
    const sentence = await connect(attack());
    expect(sentence).toMatch(
      /^unsafe-name: the host is "a'\$\(id>.*, which has characters that a shell would act on; /,
    );
    expect(sentence).not.toContain('ssh -');
  });

  test('a host that is safe is connected to', async () => {
    configure(`Host *\n  ${line}`);
    expect(await connect('n.invalid')).not.toMatch(/^unsafe-name/);
  });
});

test.each([
  ['HostName', () => `HostName ${attack()}\n  ProxyCommand nc %h %p`, 'HostName'],
  ['User', () => `User ${attack()}\n  ProxyCommand nc -X %r %h %p`, 'the user'],
  ['HostKeyAlias', () => `HostKeyAlias ${attack()}\n  ProxyCommand nc %k %p`, '%k in a proxy'],
  ['ProxyJump', () => `ProxyJump a,bob@${attack()}`, 'ProxyJump in a proxy'],
  ['the user of a ProxyJump', () => `ProxyJump ${attack()}@a`, 'ProxyJump in a proxy'],
])('%s of ssh’s configuration is held to ssh’s own rule', async (_, lines, what) => {
  configure(`Host n\n  ${lines()}`);
  const sentence = await connect('n');
  expect(sentence).toMatch(/^unsafe-name: /);
  expect(sentence).toContain(what);
});

test('a user of the list that came past every other check is refused', async () => {
  configure('ProxyCommand nc -X %r %h %p');
  expect(await connect(hostName('n'), attack())).toMatch(/^unsafe-name: the user/);
  expect(await connect(hostName('n'), userName('bob'))).not.toMatch(/^unsafe-name/);
});

/** Leases a node of that name to every user, like a broker that believed another member of its cluster. */
async function startBroker(node: string, onAsked: () => void): Promise<{ path: string; close: () => void }> {
  const path = join(home, 'broker.sock');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const say = (message: object): void => {
      socket.write(encodeFrame(LOCAL_BROKER_FRAME, Buffer.from(JSON.stringify(message))));
    };
    const frames = new FrameDecoder();
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const { payload } of frames.push(chunk)) {
        const message = JSON.parse(payload.toString()) as { kind: string; id?: number };
        if (message.kind === 'dispatcher' || message.kind === 'control') {
          say({ kind: 'welcome', version: LOCAL_BROKER_VERSION, node: 'submit' });
          say({ kind: 'capacity', slots: 8, nodes: 1 });
        } else if (message.kind === 'request') {
          onAsked();
          say({ kind: 'leased', id: message.id, lease: `x/1/${message.id ?? 0}`, node });
        } else if (message.kind === 'cluster') {
          const view = {
            node,
            version: '1',
            state: 'free',
            slots: 8,
            inUse: 0,
            speed: 1,
            workers: 0,
            metrics: [],
            dropped: {},
          };
          say({ kind: 'cluster', cluster: { cluster: 'x', node: 'submit', nodes: [view], silent: [] } });
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe.each(PROXY_COMMANDS)('a build whose broker leases a node of such a name, with %s', (_, line) => {
  test('runs nothing of it, and ends well', async () => {
    configure(`Host *\n  ${line}`);
    writeFileSync(join(home, 'Makefile'), 'all: a.o b.o c.o\n%.o: %.c\n\tgcc -c $< -o $@\n');
    for (const name of ['a', 'b', 'c']) writeFileSync(join(home, `${name}.c`), `int ${name};\n`);
    let asked = 0;
    const broker = await startBroker(attack(), () => (asked += 1));
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: home,
      XDG_CACHE_HOME: join(home, 'cache'),
      XDG_CONFIG_HOME: join(home, 'config'),
      PMAKE_RUNTIME_DIR: join(home, 'run'),
      PMAKE_BROKER: broker.path,
      PMAKE_SUMMARY: '1',
    };
    const options = { cwd: home, env, extendEnv: false, reject: false, timeout: 60_000 } as const;
    try {
      const build = await execa(PMAKE, ['-s'], options);
      expect(build).toMatchObject({ exitCode: 0 });
      expect(['a.o', 'b.o', 'c.o'].map((name) => existsSync(join(home, name)))).toEqual([true, true, true]);
      expect(asked).toBeGreaterThan(0);
      const nodes = await execa(PMAKECTL, ['nodes'], options);
      const doctor = await execa(PMAKECTL, ['doctor'], options);
      expect([nodes.stdout, nodes.stderr, doctor.stdout, doctor.stderr].join('\n')).not.toContain('$(');
    } finally {
      await execa(PMAKECTL, ['stop'], options);
      broker.close();
    }
    expect(existsSync(proof)).toBe(false);
  });
});
