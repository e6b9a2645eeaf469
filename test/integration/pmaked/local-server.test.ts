/** The unix socket of a broker, and clients of other users that want more than their share, or pose as another user. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  listenLocally,
  type LocalServer,
  MAX_SESSIONS_PER_USER,
  type LocalSession,
} from '../../../src/pmaked/local-server.ts';
import { PeerLookup } from '../../../src/pmaked/peer-credentials.ts';
import { MAX_FRAME_BYTES } from '../../../src/protocol/frame.ts';
import type { BrokerRequest } from '../../../src/protocol/local-broker.ts';
import { describeDaemonFailure } from '../../../src/report/daemon-failure-text.ts';
import { findInstallation } from '../../../src/util/install.ts';
import { BrokerAttack, ForeignClients, HeldConnections, NOBODY } from '../../rig/hostile-clients.ts';
import { nodeName } from '../../rig/names.ts';
import { BrokerClient } from '../../rig/pmaked.ts';

const PATIENCE = { timeout: 20_000, interval: 10 };
/** To be another user. */
const MUST_BE_ROOT = { skip: process.getuid?.() !== 0 };

let directory: string;
let socket: string;
let server: LocalServer;
let sessions: Set<LocalSession>;
let requests: BrokerRequest[];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-local-'));
  chmodSync(directory, 0o711);
  socket = join(directory, 'sock');
  sessions = new Set();
  requests = [];
  const listening = await listenLocally(socket, nodeName('n1'), new PeerLookup(findInstallation().peer), {
    onOpen: (session) => sessions.add(session),
    onRequest: (_, request) => requests.push(request),
    onClose: (session) => sessions.delete(session),
  });
  if (!listening.ok) throw new Error(describeDaemonFailure(listening.failure));
  server = listening.value;
});
afterEach(() => {
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

test('the kernel says which process and which user a worker and a dispatcher are', MUST_BE_ROOT, async () => {
  using own = await BrokerClient.connect({ socket }, 'worker');
  expect(own.isClosed).toBe(false);
  await using liar = new ForeignClients(socket, 1, BrokerAttack.poseAs(1, 'root'));
  await vi.waitFor(() => expect(sessions.size).toBe(2), PATIENCE);
  expect([...sessions].map(({ who, peer }) => [who.kind, peer.pid, peer.uid])).toEqual([
    ['worker', process.pid, 0],
    ['worker', liar.pid, NOBODY],
  ]);
});

test('a thousand connections of one user leave room for others, and for administration', MUST_BE_ROOT, async () => {
  await using greedy = new ForeignClients(socket, 1_000, BrokerAttack.introduce());
  await vi.waitFor(() => {
    expect(sessions.size).toBe(MAX_SESSIONS_PER_USER);
    expect(greedy.lines.length).toBe(1_000 - MAX_SESSIONS_PER_USER);
  }, PATIENCE);
  using client = await BrokerClient.connect({ socket }, 'control');
  using admin = await BrokerClient.connect({ socket }, 'control', true);
  expect([client.isClosed, admin.isClosed]).toEqual([false, false]);
  expect([...sessions].filter(({ peer }) => peer.uid === NOBODY)).toHaveLength(MAX_SESSIONS_PER_USER);
  expect([...sessions].filter(({ isAdmin }) => isAdmin)).toHaveLength(1);
});

test('who asks without a pause waits, and others are answered meanwhile', MUST_BE_ROOT, async () => {
  await using flood = new ForeignClients(socket, 16, BrokerAttack.askForCluster(1_500));
  await vi.waitFor(() => expect(requests.length).toBeGreaterThan(0), PATIENCE);
  const startedAtMs = performance.now();
  for (let own = 0; own < 20; own += 1) {
    using client = await BrokerClient.connect({ socket }, 'control');
    const before = requests.filter(({ kind }) => kind === 'drain').length;
    client.send({ kind: 'drain', on: true });
    await vi.waitFor(() => expect(requests.filter(({ kind }) => kind === 'drain').length).toBe(before + 1), PATIENCE);
  }
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const taken = requests.filter(({ kind }) => kind === 'cluster').length;
  // A hundred at once, and a hundred a second.
  expect(taken).toBeLessThan(200 + 110 * seconds);
  expect(flood.lines.length).toBeLessThanOrEqual(16);
});

test('a frame that is announced longer than a request ends its connection before it is there', async () => {
  const head = Buffer.alloc(5);
  head.writeUInt32LE(MAX_FRAME_BYTES);
  await using client = new HeldConnections(socket, 1, head);
  await client.allClosed();
  using another = await BrokerClient.connect({ socket }, 'control');
  expect(another.isClosed).toBe(false);
});

test('what is no message ends its connection, and no other', async () => {
  using before = await BrokerClient.connect({ socket }, 'control');
  for (const bytes of BrokerAttack.malformed()) {
    await using client = new HeldConnections(socket, 1, Buffer.concat([BrokerAttack.introduce(), bytes]));
    await client.allClosed();
  }
  expect(before.isClosed).toBe(false);
  expect(requests).toEqual([]);
});

test('a frame that is never finished keeps its connection for the time of an introduction', async () => {
  await using client = new HeldConnections(socket, 3, BrokerAttack.unfinished());
  using another = await BrokerClient.connect({ socket }, 'control');
  await client.allClosed();
  expect(another.isClosed).toBe(false);
});

test('a worker that names the processes of others stays the process that it is', MUST_BE_ROOT, async () => {
  await using liar = new ForeignClients(socket, 1, BrokerAttack.nameProcesses([1, process.pid]));
  await vi.waitFor(() => expect(requests).toHaveLength(2), PATIENCE);
  expect([...sessions].map(({ peer }) => [peer.pid, peer.uid])).toEqual([[liar.pid, NOBODY]]);
  // What it says of itself later is no more than its first word was.
  expect(requests).toEqual([requests[0], requests[0]]);
  expect(requests[0]).not.toHaveProperty('pid');
});

test('slots that are asked for a thousand times in one breath are requests like others', MUST_BE_ROOT, async () => {
  await using greedy = new ForeignClients(socket, 1, BrokerAttack.takeSlots(1_000));
  await vi.waitFor(() => expect(requests).toHaveLength(1_000), PATIENCE);
  expect([...sessions].map(({ peer }) => peer.pid)).toEqual([greedy.pid]);
  using another = await BrokerClient.connect({ socket }, 'dispatcher');
  expect(another.isClosed).toBe(false);
});
