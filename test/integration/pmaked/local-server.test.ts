/** The unix socket of a broker, and clients of other users that want more than their share, or to be somebody else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  listenLocally,
  type LocalServer,
  MAX_SESSIONS_PER_USER,
  type Session,
} from '../../../src/pmaked/local-server.ts';
import { PeerLookup } from '../../../src/pmaked/peer-credentials.ts';
import { encodeBrokerMessage, LOCAL_BROKER_FRAME, LOCAL_BROKER_VERSION } from '../../../src/protocol/local-broker.ts';
import { encodeFrame } from '../../../src/protocol/frame.ts';
import { findInstallation } from '../../../src/util/install.ts';
import { nodeName } from '../../rig/names.ts';
import { BrokerClient } from '../../rig/pmaked.ts';

const PATIENCE = { timeout: 20_000, interval: 10 };
const NOBODY = 65_534;
/** To be another user. */
const MUST_BE_ROOT = { skip: process.getuid?.() !== 0 };

let directory: string;
let socket: string;
let server: LocalServer;
let sessions: Set<Session>;
let children: ChildProcess[];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-local-'));
  chmodSync(directory, 0o711);
  socket = join(directory, 'sock');
  sessions = new Set();
  children = [];
  const listening = await listenLocally(socket, nodeName('n1'), new PeerLookup(findInstallation().peer), {
    onOpen: (session) => sessions.add(session),
    onRequest: () => undefined,
    onClose: (session) => sessions.delete(session),
  });
  if (!listening.ok) throw new Error(listening.failure);
  server = listening.value;
});
afterEach(async () => {
  server.close();
  const ended = children.map((child) => new Promise((resolve) => child.once('close', resolve)));
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(ended);
  rmSync(directory, { recursive: true, force: true });
});

/** A program of another user that connects so often and writes this each time; its lines say how its connections end. */
function runAsNobody(connections: number, bytes: Buffer): { pid: number; lines: () => string[] } {
  const program = `
    const { connect } = require('node:net');
    for (let n = 0; n < ${connections}; n++) {
      const socket = connect(${JSON.stringify(socket)});
      let heard = '';
      socket.on('error', () => {});
      socket.on('data', (chunk) => (heard += chunk));
      socket.on('close', () => console.log('closed ' + JSON.stringify(heard)));
      socket.write(Buffer.from('${bytes.toString('base64')}', 'base64'));
    }`;
  const child = spawn(process.execPath, ['-e', program], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
    uid: NOBODY,
    gid: NOBODY,
  });
  children.push(child);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { pid: child.pid ?? 0, lines: () => text.split('\n').slice(0, -1) };
}

test('the kernel says which process and which user a worker and a dispatcher are', MUST_BE_ROOT, async () => {
  using own = await BrokerClient.connect({ socket }, 'worker');
  expect(own.isClosed).toBe(false);
  const lies = { kind: 'worker', version: LOCAL_BROKER_VERSION, pid: 1, user: 'root' };
  const { pid } = runAsNobody(1, encodeFrame(LOCAL_BROKER_FRAME, Buffer.from(JSON.stringify(lies))));
  await vi.waitFor(() => expect(sessions.size).toBe(2), PATIENCE);
  expect([...sessions].map(({ who, peer }) => [who.kind, peer.pid, peer.uid])).toEqual([
    ['worker', process.pid, 0],
    ['worker', pid, NOBODY],
  ]);
});

test('a thousand connections of one user leave room for others, and for administration', MUST_BE_ROOT, async () => {
  const greedy = runAsNobody(1_000, encodeBrokerMessage({ kind: 'control', version: LOCAL_BROKER_VERSION }));
  await vi.waitFor(() => {
    expect(sessions.size).toBe(MAX_SESSIONS_PER_USER);
    expect(greedy.lines().length).toBe(1_000 - MAX_SESSIONS_PER_USER);
  }, PATIENCE);
  using client = await BrokerClient.connect({ socket }, 'control');
  using admin = await BrokerClient.connect({ socket }, 'control', true);
  expect([client.isClosed, admin.isClosed]).toEqual([false, false]);
  expect([...sessions].filter(({ peer }) => peer.uid === NOBODY)).toHaveLength(MAX_SESSIONS_PER_USER);
  expect([...sessions].filter(({ isAdmin }) => isAdmin)).toHaveLength(1);
});

test('a frame that is announced longer than a request ends its connection before it is there', async () => {
  const head = Buffer.alloc(5);
  head.writeUInt32LE(4 * 1024 * 1024);
  const client: Socket = connect(socket);
  const closed = new Promise((resolve) => client.once('close', resolve));
  client.resume();
  client.write(head);
  await closed;
  using another = await BrokerClient.connect({ socket }, 'control');
  expect(another.isClosed).toBe(false);
});
