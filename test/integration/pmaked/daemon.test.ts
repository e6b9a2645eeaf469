/** Real pmaked processes on loopback: leases, elections, settings, drains, hostile datagrams, the end. */
import { spawnSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test as base, vi } from 'vitest';
import { DatagramSealer } from '../../../src/broker/wire/datagram.ts';
import { BrokerClient, type Pmaked, PmakedRig, PROGRAM } from '../../rig/pmaked.ts';
import { nodeName } from '../../rig/names.ts';

/** Each has brokers of its own, which mostly wait: for the first look at the load, and until it is believed. */
const test = base.concurrent;
const PATIENCE = { timeout: 20_000, interval: 20 };
const MULTICAST_TTL = fileURLToPath(new URL('../../rig/multicast-ttl.c', import.meta.url));
const NOISE = fileURLToPath(new URL('../../../scripts/lib/noise-sender.js', import.meta.url));
/** Of fifty leases each; four see all the noise that is wanted. */
const NOISE_ROUNDS = 100;
/** An unprivileged user and group. */
const NOBODY = 65_534;
/** Only root can run a test as another user. */
const MUST_BE_ROOT = { skip: process.getuid?.() !== 0 };

/** A checkout in root's home is closed to all others. */
function canRead(user: number): boolean {
  return spawnSync(process.execPath, ['--check', PROGRAM], { uid: user, gid: user, stdio: 'ignore' }).status === 0;
}

/** Waits until the brokers see `nodes` free nodes. */
async function untilFree(client: BrokerClient, nodes: number): Promise<void> {
  await vi.waitFor(async () => {
    const { nodes: seen } = await client.cluster();
    expect(seen.filter(({ state }) => state === 'free')).toHaveLength(nodes);
  }, PATIENCE);
}

async function startThree(rig: PmakedRig): Promise<[Pmaked, Pmaked, Pmaked]> {
  return await Promise.all([rig.start('n1'), rig.start('n2'), rig.start('n3')]);
}

test('slots of all nodes are leased, the next request waits, and gets the first slot that is released', async () => {
  await using rig = await PmakedRig.create();
  const [n1] = await startThree(rig);
  using client = await BrokerClient.connect(n1);
  await untilFree(client, 3);
  const leases = await Promise.all(Array.from({ length: 6 }, () => client.lease()));
  const nodes = leases.map((lease) => (lease.kind === 'leased' ? lease.node : lease.reason)).sort();
  expect(nodes).toEqual(['n1', 'n1', 'n2', 'n2', 'n3', 'n3']);
  expect(await client.lease(50)).toMatchObject({ kind: 'none', reason: 'patience' });
  const waiting = client.lease();
  const [first] = leases;
  if (first?.kind !== 'leased') throw new Error('no lease');
  client.send({ kind: 'release', lease: first.lease });
  expect(await waiting).toMatchObject({ kind: 'leased', node: first.node });
  expect(await client.lease(200, ['n1', 'n2', 'n3'])).toMatchObject({ kind: 'none' });
});

test('the holder of a slot is told whether other users wait', async () => {
  await using rig = await PmakedRig.create();
  const [n1, n2] = await Promise.all([rig.start('n1', { slots: 0 }), rig.start('n2')]);
  using holder = await BrokerClient.connect(n1);
  await untilFree(holder, 1);
  const leases = await Promise.all([holder.lease(), holder.lease()]);
  const names = leases.map((lease) => (lease.kind === 'leased' ? lease.lease : lease.reason)).sort();
  const untilTold = (mayExtend: boolean) =>
    vi.waitFor(() => {
      const told = holder.answers.findLast((answer) => answer.kind === 'extend');
      expect(told && { leases: [...told.leases].sort(), mayExtend: told.forMs > 0 }).toEqual({
        leases: names,
        mayExtend,
      });
    }, PATIENCE);
  await untilTold(true);
  using other = await BrokerClient.connect(n2);
  const waiting = other.lease();
  await untilTold(false);
  holder.send({ kind: 'release', lease: names[0] ?? '' });
  expect(await waiting).toMatchObject({ kind: 'leased', node: 'n2' });
});

test('what a dispatcher held is free again when it is gone', async () => {
  await using rig = await PmakedRig.create();
  const n1 = await rig.start('n1');
  const gone = await BrokerClient.connect(n1);
  await untilFree(gone, 1);
  await Promise.all([gone.lease(), gone.lease()]);
  using client = await BrokerClient.connect(n1);
  const waiting = client.lease();
  gone[Symbol.dispose]();
  expect(await waiting).toMatchObject({ kind: 'leased', node: 'n1' });
});

// How soon is the simulation's to hold, on a clock that no other test slows down.
test('a leader that is killed is replaced, and grants go on', async () => {
  await using rig = await PmakedRig.create();
  const brokers = await startThree(rig);
  using look = await BrokerClient.connect(brokers[0], 'control');
  await untilFree(look, 3);
  const { leader } = await look.cluster();
  const led = brokers.find(({ name }) => name === leader?.node);
  const other = brokers.find(({ name }) => name !== leader?.node);
  if (!led || !other) throw new Error('no leader');
  using client = await BrokerClient.connect(other);
  led.child.kill('SIGKILL');
  await led.ended;
  expect(await client.lease()).toMatchObject({ kind: 'leased' });
});

test('SIGTERM hands the leadership on and ends well', async () => {
  await using rig = await PmakedRig.create();
  const [n1, n2] = await Promise.all([rig.start('n1'), rig.start('n2')]);
  using look = await BrokerClient.connect(n1, 'control');
  await untilFree(look, 2);
  const { leader } = await look.cluster();
  const [led, other] = leader?.node === 'n1' ? [n1, n2] : [n2, n1];
  using client = await BrokerClient.connect(other);
  led.child.kill('SIGTERM');
  expect(await led.ended).toBe(0);
  const view = await client.cluster();
  expect(view.leader?.node).toBe(other.name);
  // Who has left is named for a while.
  expect(view.silent).toEqual([led.name]);
  expect(await client.lease()).toMatchObject({ kind: 'leased', node: other.name });
});

test('slots change with the config file, a bad edit is refused with its reason, the old values stay', async () => {
  await using rig = await PmakedRig.create();
  const n1 = await rig.start('n1');
  using client = await BrokerClient.connect(n1);
  await untilFree(client, 1);
  const settings = readFileSync(n1.configFile, 'utf8');
  writeFileSync(n1.configFile, settings.replace('"slots":2', '"slots":"many"'));
  await vi.waitUntil(() => n1.log().includes('the previous settings stay in force'), PATIENCE);
  expect(n1.log()).toMatch(/broker\.slots is "many"; expected a whole number from 0 to 1024/);
  expect((await client.cluster()).nodes[0]?.slots).toBe(2);
  writeFileSync(n1.configFile, settings.replace('"slots":2', '"slots":3'));
  await vi.waitFor(async () => expect((await client.cluster()).nodes[0]?.slots).toBe(3), PATIENCE);
  await Promise.all([client.lease(), client.lease(), client.lease()]);
  expect(await client.lease(50)).toMatchObject({ kind: 'none' });
});

test('thresholds and the weight change with the config file', async () => {
  await using rig = await PmakedRig.create();
  const marked = (highMark: number) => ({ rows: [{ metric: 'cpu', highMark }] });
  const n1 = await rig.start('n1', { broker: { sampleSeconds: 0.1, thresholds: marked(90) } });
  using client = await BrokerClient.connect(n1, 'control');
  await untilFree(client, 1);
  const settings = readFileSync(n1.configFile, 'utf8');
  const viewOf = async () => (await client.cluster()).nodes[0];
  const speed = (await viewOf())?.speed ?? NaN;
  let ticks = 0;
  // Half of it.
  const clock = setInterval(() => rig.load('n1', { busyTicks: (ticks += 5), idleTicks: ticks }), 50);
  try {
    const cpuOf = async () => (await viewOf())?.metrics.find(({ metric }) => metric === 'cpu')?.foreign;
    await vi.waitFor(async () => expect(await cpuOf()).toBeGreaterThan(40), PATIENCE);
    expect(await viewOf()).toMatchObject({ state: 'free' });
    writeFileSync(n1.configFile, settings.replace('"highMark":90', '"highMark":20'));
    await vi.waitFor(
      async () => expect(await viewOf()).toMatchObject({ state: 'busy', busyBy: { metric: 'cpu' } }),
      PATIENCE,
    );
    writeFileSync(n1.configFile, settings.replace('"slots":2', '"slots":2,"weight":3'));
    await vi.waitFor(async () => expect(await viewOf()).toMatchObject({ state: 'free', speed: 3 * speed }), PATIENCE);
  } finally {
    clearInterval(clock);
  }
});

test(
  'pmaked needs no privileges: it leases, remembers and ends, and complains of nothing',
  MUST_BE_ROOT,
  async (context) => {
    context.skip(!canRead(NOBODY), 'another user cannot read this checkout');
    await using rig = await PmakedRig.create();
    const n1 = await rig.start('n1', { user: NOBODY });
    expect(readFileSync(`/proc/${n1.child.pid}/status`, 'utf8')).toMatch(/^CapEff:\s+0+$/m);
    using client = await BrokerClient.connect(n1);
    await untilFree(client, 1);
    expect(await client.lease()).toMatchObject({ kind: 'leased', node: 'n1' });
    using admin = await BrokerClient.connect(n1, 'control', true);
    admin.send({ kind: 'drain', on: true });
    await admin.answer('drained');
    n1.child.kill('SIGTERM');
    expect(await n1.ended).toBe(0);
    const again = await rig.start('n1', { user: NOBODY });
    using later = await BrokerClient.connect(again, 'control');
    expect((await later.cluster()).nodes).toMatchObject([{ node: 'n1', state: 'drained' }]);
    expect(again.log()).toMatch(/^pmaked: node n1 of cluster .*\n$/);
  },
);

test('a drain that a restart will forget is said to be one', async () => {
  await using rig = await PmakedRig.create();
  const state = join(rig.directory, 'state');
  mkdirSync(join(state, 'state.json'), { recursive: true });
  const n1 = await rig.start('n1', { broker: { state } });
  using admin = await BrokerClient.connect(n1, 'control', true);
  admin.send({ kind: 'drain', on: true });
  const problem = expect.stringMatching(/^what this node learned cannot be kept in .*state.json: /) as string;
  expect(await admin.answer('drained')).toEqual({ kind: 'drained', on: true, problem });
});

test('a drained node takes nothing, also after a restart; only who may steer it drains it', async () => {
  await using rig = await PmakedRig.create();
  const n1 = await rig.start('n1');
  using client = await BrokerClient.connect(n1);
  await untilFree(client, 1);
  client.send({ kind: 'drain', on: true });
  expect((await client.answer('refused')).reason).toMatch(/only root and the user/);
  using admin = await BrokerClient.connect(n1, 'control', true);
  admin.send({ kind: 'drain', on: true });
  expect(await admin.answer('drained')).toEqual({ kind: 'drained', on: true });
  expect((await client.cluster()).nodes).toMatchObject([{ node: 'n1', state: 'drained' }]);
  expect(await client.lease(100)).toMatchObject({ kind: 'none' });
  n1.child.kill('SIGTERM');
  await n1.ended;
  const again = await rig.start('n1');
  using later = await BrokerClient.connect(again, 'control', true);
  expect((await later.cluster()).nodes).toMatchObject([{ node: 'n1', state: 'drained' }]);
  later.send({ kind: 'drain', on: false });
  await untilFree(later, 1);
});

test('foreign load over the mark makes a node busy by that metric, and free again when it is gone', async () => {
  await using rig = await PmakedRig.create();
  const broker = { sampleSeconds: 0.1 };
  const [n1, n2] = await Promise.all([rig.start('n1', { broker }), rig.start('n2', { broker })]);
  using client = await BrokerClient.connect(n1, 'control');
  await untilFree(client, 2);
  let busyTicks = 0;
  let idleTicks = 0;
  let isBusy = true;
  const clock = setInterval(() => {
    if (isBusy) busyTicks += 10;
    else idleTicks += 10;
    rig.load('n2', { busyTicks, idleTicks });
  }, 50);
  try {
    // It hears nothing while it is busy; its own socket tells.
    using own = await BrokerClient.connect(n2, 'control');
    const viewOf = async () => (await own.cluster()).nodes.find(({ node }) => node === 'n2');
    await vi.waitFor(
      async () => expect(await viewOf()).toMatchObject({ state: 'busy', busyBy: { metric: 'cpu' } }),
      PATIENCE,
    );
    using asker = await BrokerClient.connect(n1);
    const leases = await Promise.all([asker.lease(), asker.lease(), asker.lease(300)]);
    expect(leases.map((lease) => (lease.kind === 'leased' ? lease.node : 'none'))).toEqual(['n1', 'n1', 'none']);
    isBusy = false;
    await vi.waitFor(async () => expect(await viewOf()).toMatchObject({ state: 'free' }), PATIENCE);
    expect(await asker.lease()).toMatchObject({ kind: 'leased', node: 'n2' });
  } finally {
    clearInterval(clock);
  }
});

test('without multicast, brokers find each other by the list of peers', async () => {
  await using rig = await PmakedRig.create();
  const peers = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
  // Groups that no program reads, different ones on each node.
  const start = (name: string, n: number) =>
    rig.start(name, { broker: { peers, groups: [`239.255.${n}.1`, `239.255.${n}.2`] } });
  const [n1] = await Promise.all([start('n1', 1), start('n2', 2), start('n3', 3)]);
  using client = await BrokerClient.connect(n1);
  await untilFree(client, 3);
  const leases = await Promise.all(Array.from({ length: 6 }, () => client.lease()));
  expect(new Set(leases.map((lease) => (lease.kind === 'leased' ? lease.node : '')))).toEqual(
    new Set(['n1', 'n2', 'n3']),
  );
});

test('multicast stays on this network, unless the config file says how far it may go', async () => {
  await using rig = await PmakedRig.create();
  const program = join(rig.directory, 'multicast-ttl');
  await execa('cc', ['-Wall', '-Werror', '-o', program, MULTICAST_TTL]);
  const ttlOf = async (group: string, ttl?: number) => {
    // A group that other tests do not use, nor real brokers: theirs would be heard too.
    const groups = [group, `${group}9`];
    const heard = execa(program, [group, String(rig.port)], { timeout: 20_000 });
    await rig.start(`to-${group}`, { broker: { groups, ...(ttl === undefined ? {} : { ttl }) } });
    return Number((await heard).stdout);
  };
  expect(await ttlOf('239.255.81.1')).toBe(1);
  expect(await ttlOf('239.255.81.2', 5)).toBe(5);
});

test('datagrams that are not the cluster’s are counted and change nothing', async () => {
  await using rig = await PmakedRig.create();
  const n1 = await rig.start('n1', { slots: 4 });
  using client = await BrokerClient.connect(n1);
  await untilFree(client, 1);
  const before = await client.cluster();
  const socket = createSocket('udp4');
  const send = (bytes: Buffer) => new Promise((resolve) => socket.send(bytes, rig.port, '127.0.0.2', resolve));
  const key = Buffer.from('k'.repeat(32));
  const seal = { cluster: `test-${rig.port}`, key, nodeId: nodeName('evil'), bootId: 1 };
  const takeover = [
    { kind: 'heartbeat', term: { counter: 2 ** 50, nodeId: nodeName('evil') }, members: 1, waiters: [] },
  ] as const;
  const one = (over: Partial<typeof seal>): Buffer => {
    const [datagram] = new DatagramSealer({ ...seal, ...over }, Date.now).seal(takeover, undefined);
    return datagram ?? Buffer.alloc(0);
  };
  const version = one({});
  version.writeUInt8(99, 4);
  const body = version.subarray(0, -32);
  const wrongVersion = Buffer.concat([body, createHmac('sha256', key).update(body).digest()]);
  const ask = new DatagramSealer({ ...seal, nodeId: nodeName('friend') }, Date.now).seal(
    [{ kind: 'cancel', requestIds: [1] }],
    nodeName('n1'),
  )[0];
  if (!ask) throw new Error('no datagram');
  await Promise.all([
    ...Array.from({ length: 100 }, () => send(randomBytes(200))),
    send(one({ key: Buffer.from('x'.repeat(32)) })),
    send(one({ cluster: 'other' })),
    send(wrongVersion),
    send(one({}).subarray(0, -1)),
    send(randomBytes(1_400)),
    send(ask),
    send(ask),
  ]);
  socket.close();
  await vi.waitFor(async () => {
    const dropped = (await client.cluster()).nodes[0]?.dropped ?? {};
    expect(dropped).toEqual({
      malformed: 100,
      'bad-hmac': 2,
      'unknown-cluster': 1,
      'wrong-version': 1,
      'too-long': 1,
      'old-sequence': 1,
    });
  }, PATIENCE);
  expect((await client.cluster()).leader).toEqual(before.leader);
  expect(await client.lease()).toMatchObject({ kind: 'leased', node: 'n1' });
});

test('ten thousand datagrams of noise a second: nothing changes hands, memory stays, grants go on', async () => {
  await using rig = await PmakedRig.create();
  const [n1] = await Promise.all([rig.start('n1'), rig.start('n2')]);
  using holder = await BrokerClient.connect(n1);
  await untilFree(holder, 2);
  const held = await holder.lease();
  using client = await BrokerClient.connect(n1);
  const before = await client.cluster();
  const rssOf = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${n1.child.pid}/status`, 'utf8'))?.[1]);
  const beforeKib = rssOf();
  const targets = ['127.0.0.2', '127.0.0.3'].map((host) => `${host}:${rig.port}`);
  const flood = execa('node', [NOISE, `test-${rig.port}`, rig.key, '10000', '60', ...targets]);
  try {
    let dropped = 0;
    for (let round = 0; dropped < 20_000; round += 1) {
      expect(round).toBeLessThan(NOISE_ROUNDS);
      for (let grant = 0; grant < 50; grant += 1) {
        const lease = await client.lease();
        if (lease.kind !== 'leased') throw new Error(`no lease: ${lease.reason}`);
        client.send({ kind: 'release', lease: lease.lease });
      }
      const now = await client.cluster();
      expect(now.leader).toEqual(before.leader);
      expect(now.nodes.map(({ node }) => node).sort()).toEqual(['n1', 'n2']);
      dropped = now.nodes.flatMap((node) => Object.values(node.dropped)).reduce((sum, count) => sum + count, 0);
    }
    const reasons = ['bad-hmac', 'malformed', 'old-sequence', 'unknown-cluster'];
    for (const { dropped: counts } of (await client.cluster()).nodes) {
      expect(Object.keys(counts).sort()).toEqual(reasons);
    }
    const others = await Promise.all([client.lease(), client.lease(), client.lease()]);
    expect(others.map(({ kind }) => kind)).toEqual(['leased', 'leased', 'leased']);
    expect(await client.lease(100)).toMatchObject({ kind: 'none', reason: 'patience' });
  } finally {
    flood.kill('SIGTERM');
    await flood;
  }
  expect(holder.answers).not.toContainEqual(expect.objectContaining({ kind: 'lost' }));
  expect(holder.answers).toContainEqual(held);
  expect(rssOf() - beforeKib).toBeLessThan(64 * 1024);
});

test('a second pmaked on one socket or address is refused, and says why', async () => {
  await using rig = await PmakedRig.create();
  const n1 = await rig.start('n1');
  const second = await rig.start('n1');
  expect(await second.ended).toBe(1);
  expect(second.log()).toMatch(/another pmaked serves .*; stop it, or give this one another "--socket"/);
  const third = await rig.start('n3', { broker: { interface: '127.0.0.2' } });
  expect(await third.ended).toBe(1);
  expect(third.log()).toMatch(/cannot listen at 127\.0\.0\.2:\d+ \(EADDRINUSE\); another pmaked runs here/);
  expect(n1.child.exitCode).toBeNull();
});
