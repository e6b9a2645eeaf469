/**
 * The dispatcher of dist/ (main.ts) under faults, odd edits of its configuration (node-lists.ts) among them: it survives,
 * its jobs are done, and it recovers.
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { DispatcherProcess, ONE_NODE } from '../../rig/dispatcher-process.ts';
import { FakeBroker } from '../../rig/fake-broker.ts';
import { dispatcherAttacks, halfFrame, HeldConnections, malformedAnswers } from '../../rig/hostile-clients.ts';

const PATIENCE = { timeout: 30_000, interval: 20 };
const MUST_BE_ROOT = { skip: process.getuid?.() !== 0 };
/** Outcomes of a job when descriptors are scarce: a shim that is disconnected also runs its compiler. */
const SERVED = ['exited 0', 'here', 'gone'];

test.each<[string, (dispatcher: DispatcherProcess) => Promise<unknown>]>([
  ['jobs are done here, and the node is used again later', (dispatcher) => dispatcher.compileOnNode('first')],
  ['a tree and a compiler that cannot be looked at are looked at again', (dispatcher) => dispatcher.connectNode()],
])('without descriptors to spare, %s', async (_, prepare) => {
  await using dispatcher = await DispatcherProcess.start();
  await prepare(dispatcher);
  const open = dispatcher.openFiles;
  for (let spare = 0; spare < 14; spare += 1) {
    dispatcher.limitFiles(open + spare);
    // Another build checks the node, its tree and its compiler again.
    expect(SERVED).toContain(await dispatcher.compile(`build${spare}`));
    expect(dispatcher.isRunning, dispatcher.log).toBe(true);
  }
  dispatcher.limitFiles(1_024);
  await dispatcher.compileOnNode('last');
  expect(dispatcher.log).not.toContain('a bug in pmake');
});

test('without /proc, jobs are done', MUST_BE_ROOT, async () => {
  const wrapper = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'];
  await using dispatcher = await DispatcherProcess.start({ wrapper });
  for (let job = 0; job < 4; job += 1) expect(SERVED).toContain(await dispatcher.compile('build'));
  expect((await dispatcher.status()).finished).toBe(4);
  expect(dispatcher.log).not.toContain('a bug in pmake');
});

const GOOD = JSON.stringify(ONE_NODE);
const nested = (value: string): string => `{"nodes":[{"host":"n1","paths":${value}}]}`;

test('an odd edit of the configuration leaves the last good one in force, with what is wrong', async () => {
  await using dispatcher = await DispatcherProcess.start();
  const { configFile } = dispatcher;
  await dispatcher.compileOnNode('first');
  const edits: readonly (readonly [string, () => void])[] = [
    ['cut off', () => dispatcher.configure(GOOD.slice(0, 20))],
    ['empty', () => dispatcher.configure('')],
    ['of another type', () => dispatcher.configure('{"nodes":{"length":3}}')],
    ['a value that cannot be a text', () => dispatcher.configure(nested('{"/a":{"toString":1,"valueOf":1}}'))],
    ['of many levels', () => dispatcher.configure(`{"nodes":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)],
    ['a directory', () => mkdirSync(configFile)],
    ['a loop of links', () => symlinkSync(configFile, configFile)],
    ['too long', () => writeFileSync(configFile, GOOD.padEnd(5 * 1024 * 1024))],
  ];
  for (const [what, edit] of edits) {
    rmSync(configFile, { recursive: true, force: true });
    edit();
    await vi.waitFor(async () => expect((await dispatcher.status()).configProblem, what).not.toBe(''), PATIENCE);
    expect(await dispatcher.compile(what), what).toBe('exited 0');
    rmSync(configFile, { recursive: true, force: true });
    dispatcher.configure(GOOD);
    await vi.waitFor(async () => expect((await dispatcher.status()).configProblem, what).toBe(''), PATIENCE);
  }
  expect(dispatcher.log).not.toContain('a bug in pmake');
});

test('invalid answers of a broker end its session, and it is used again when it answers well', async () => {
  await using broker = await listeningBroker();
  await using dispatcher = await DispatcherProcess.start({ broker: broker.path });
  for (const bytes of malformedAnswers()) {
    await vi.waitUntil(() => broker.fake.isConnected, PATIENCE);
    broker.fake.say(bytes);
    await vi.waitUntil(() => !broker.fake.isConnected, PATIENCE);
    expect(SERVED).toContain(await dispatcher.compile('build'));
    await vi.waitUntil(() => broker.fake.isConnected, PATIENCE);
    // A broker that only hangs up is looked for at once, so that the wait does not grow with each attempt.
    await broker.fake.hangUp();
    await broker.fake.listen();
  }
  await vi.waitUntil(() => broker.fake.isConnected, PATIENCE);
  await vi.waitFor(async () => expect((await dispatcher.status()).broker?.state).toBe('connected'), PATIENCE);
  // Valid answers to requests that were never made do not connect the nodes they name.
  broker.fake.leaseUnasked(Array.from({ length: 50 }, (_, at) => `unasked${at}`));
  await vi.waitUntil(() => broker.fake.faults.filter((fault) => fault.startsWith('unasked')).length === 50, PATIENCE);
  const { nodes } = await dispatcher.status();
  expect(nodes.map(({ name }) => name).filter((name) => name.startsWith('unasked'))).toEqual([]);
  expect(dispatcher.log).not.toContain('a bug in pmake');
});

test('clients that keep to no protocol cost their own connection', async () => {
  await using dispatcher = await DispatcherProcess.start();
  for (const [what, bytes] of Object.entries(dispatcherAttacks(dispatcher.tree))) {
    await using client = new HeldConnections(dispatcher.socketPath, 2, bytes);
    await client.allClosed();
    expect(dispatcher.isRunning, `${what}: ${dispatcher.log}`).toBe(true);
  }
  await using halves = new HeldConnections(dispatcher.socketPath, 20, halfFrame());
  await using flood = new HeldConnections(dispatcher.socketPath, 500);
  await dispatcher.compileOnNode('build');
  expect(dispatcher.log).not.toContain('a bug in pmake');
  // Clients that send no request are disconnected after a while.
  await Promise.all([halves.allClosed(), flood.allClosed()]);
  expect(dispatcher.isRunning).toBe(true);
});

async function listeningBroker(): Promise<{ readonly path: string; readonly fake: FakeBroker } & AsyncDisposable> {
  const directory = join('/var/tmp', `pmake-broker-${process.pid}`);
  mkdirSync(directory, { mode: 0o700 });
  const path = join(directory, 'sock');
  const fake = new FakeBroker(path);
  await fake.listen();
  return {
    path,
    fake,
    [Symbol.asyncDispose]: async () => {
      await fake[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
