/**
 * The dispatcher with a fake broker, real workers, and compilers under the test's control. Covers leased-cluster.ts,
 * broker-connection.ts, cluster-speeds.ts and build-nodes.ts.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { excludeAll } from '../../../src/dispatch/exclusions.ts';
import { LOCAL_BROKER_VERSION } from '../../../src/protocol/local-broker.ts';
import { FakeBroker } from '../../rig/fake-broker.ts';
import type { FakeShim } from '../../rig/fake-shim.ts';
import { seededRandom } from '../../broker/seeded-random.ts';
import { DispatcherRig, HELPS_HERE, outputOf, until } from './dispatcher-rig.ts';
import { nodeName } from '../../rig/names.ts';

const ENDED_WELL = { kind: 'ended', termination: { kind: 'exited', code: 0 } };

let rig: DispatcherRig;
let broker: FakeBroker;

beforeEach(async () => {
  await start();
});

afterEach(async () => {
  await rig.dispose();
  await broker[Symbol.asyncDispose]();
});

/** `listed` is a node of the config file. */
async function start(prepare: (broker: FakeBroker) => void = () => undefined): Promise<void> {
  rig = await DispatcherRig.start({
    config: { nodes: ['listed/1'] },
    broker: async (tree) => {
      const path = join(tree, 'broker.sock');
      broker = new FakeBroker(path);
      prepare(broker);
      await broker.listen();
      return path;
    },
  });
  rig.isUnlisted = true;
}

async function restart(prepare: (broker: FakeBroker) => void): Promise<void> {
  await rig.dispose();
  await broker[Symbol.asyncDispose]();
  await start(prepare);
}

/** Connects node n1 and leaves no lease held or requested. One job runs locally and one on the node. */
async function warmUp(): Promise<void> {
  broker.give({ n1: 1 });
  const here = rig.compile('here.c');
  expect(await here.next()).toEqual({ kind: 'runLocally' });
  const there = rig.compile('there.c');
  (await rig.calls.next()).exit(0);
  expect(await there.next()).toEqual(ENDED_WELL);
  await here.close();
  await until(() => broker.held.length === 0 && broker.open.size === 0);
  broker.give({ n1: 0 });
}

describe('a leased slot', () => {
  it('is where the job runs, and is given back when no job wants it', async () => {
    await warmUp();
    broker.capacity(4);
    broker.give({ n1: 1 });
    const shim = rig.compile('a.c');
    (await rig.calls.next()).exit(0);
    expect(await shim.next()).toEqual(ENDED_WELL);
    await rig.idle();
    expect(rig.report()).toMatchObject({ byNode: { n1: 2 }, here: 1 });
    expect(broker.asked[0]?.exclude).toEqual(['submit']);
    await until(() => broker.held.length === 0);
    expect(broker.faults).toEqual([]);
  });

  it('is asked for without names that no broker takes', async () => {
    await warmUp();
    rig.dispatcher.placement.broker?.source.demand(1_000, {
      listed: new Set(),
      mayLease: true,
      exclusions: excludeAll(new Set(['n'.repeat(65), 'n9']), 'failed-job'),
    });
    await until(() => broker.asked.some(({ exclude }) => exclude.join() === 'n9,submit'));
    expect(broker.isConnected).toBe(true);
    rig.dispatcher.placement.broker?.source.demand(1_000, undefined);
  });

  it('serves the next job that waits, without asking again', async () => {
    await warmUp();
    broker.capacity(2);
    broker.give({ n1: 1 });
    const shims = ['a.c', 'b.c', 'c.c'].map((source) => rig.compile(source));
    for (const shim of shims) {
      (await rig.calls.next()).exit(0);
      expect(await shim.next()).toEqual(ENDED_WELL);
    }
    await rig.idle();
    expect(rig.report().byNode).toEqual({ n1: 4 });
    expect([...broker.leases.values()].filter(({ releases }) => releases === 0)).toHaveLength(1);
  });

  it('is not asked for by a job with a list of its own', async () => {
    broker.give({ n1: 1 });
    await rig.use('n2/1');
    const shim = rig.compile('a.c');
    (await rig.calls.next()).exit(0);
    expect(await shim.next()).toEqual(ENDED_WELL);
    await rig.idle();
    expect(rig.report().byNode).toEqual({ n2: 1 });
    expect(broker.asked).toEqual([]);
  });

  it('of a node that cannot be reached is given back, and that node is spared', async () => {
    broker.give({ unreachable: 1 });
    const blocker = rig.compile('z.c');
    expect(await blocker.next()).toEqual({ kind: 'runLocally' });
    const shim = rig.compile('a.c');
    await until(() => broker.asked.some(({ exclude }) => exclude.includes('unreachable')));
    broker.give({ n1: 1 });
    (await rig.calls.next()).exit(0);
    expect(await shim.next()).toEqual(ENDED_WELL);
    await rig.idle(1);
    expect(rig.report().byNode).toEqual({ n1: 1 });
    await blocker.close();
  });
});

describe('a slot that is taken back', () => {
  it.each([
    ['evicted', 'evicted'],
    ['expired', 'lease-lost'],
  ])('(%s) ends its job there, which then runs elsewhere and counts as no failure', async (reason, counted) => {
    await warmUp();
    broker.capacity(4);
    broker.give({ n1: 1 });
    const shim = rig.compile('a.c');
    const first = await rig.calls.next();
    first.shell(`echo half > ${outputOf(first)}`);
    await until(() => existsSync(outputOf(first)));
    const [lease] = broker.held;
    broker.give({ n1: 0 });
    broker.lose(lease ?? '', reason);
    await first.closed;
    broker.give({ n2: 1 });
    const second = await rig.calls.next();
    expect(rig.nodeOfOnlyJob()).toBe('n2');
    expect(existsSync(outputOf(first))).toBe(false);
    second.exit(0);
    expect(await shim.next()).toEqual(ENDED_WELL);
    expect(rig.report()).toMatchObject({ retries: 1, retryReasons: { [counted]: 1 }, problems: [] });
    await until(() => broker.held.length === 0);
    expect(broker.faults).toEqual([]);
  });

  it('again and again makes its job run here in the end', async () => {
    await warmUp();
    broker.capacity(4);
    const shim = rig.compile('a.c');
    for (let round = 1; round <= 4; round += 1) {
      broker.give({ n1: 1 });
      const call = await rig.calls.next();
      for (const lease of broker.held) broker.lose(lease, 'evicted');
      await call.closed;
      if (round < 4) await until(() => broker.held.length === 0);
    }
    broker.give({ n1: 4 });
    expect(await shim.next()).toEqual(HELPS_HERE);
    await shim.close();
    await rig.idle();
    expect(rig.report()).toMatchObject({ hereReasons: { evicted: 1 }, retryReasons: { evicted: 4 } });
  });
});

describe('a broker with nothing to give', () => {
  it('leaves a job to this host', async () => {
    await warmUp();
    broker.capacity(8);
    const shim = rig.compile('a.c');
    await until(() => broker.open.size > 0);
    await rig.roundTrip();
    expect(shim.verdicts.unclaimed).toBe(0);
    broker.refuseAll();
    expect(await shim.next()).toEqual(HELPS_HERE);
    await shim.close();
    await rig.idle();
    expect(rig.report().hereReasons).toMatchObject({ 'nodes-busy': 1 });
  });
});

describe('a broker that dies in the middle of a build', () => {
  it('leaves the jobs that run, the slots held and the listed nodes; one that returns is used again', async () => {
    await warmUp();
    broker.capacity(8);
    broker.give({ n1: 1 });
    const first = rig.compile('a.c');
    const call = await rig.calls.next();
    await broker.hangUp();
    await until(() => rig.dispatcher.fleet.link('listed') !== undefined);
    const second = rig.compile('b.c');
    const onListed = await rig.calls.next();
    expect(placesOf(rig)).toEqual(['n1', 'listed']);
    const third = rig.compile('c.c');
    await rig.roundTrip();
    call.exit(0);
    expect(await first.next()).toEqual(ENDED_WELL);
    const onOrphan = await rig.calls.next();
    expect(onOrphan.words.at(-1)).toMatch(/c\.c$/);
    broker.give({ n1: 0, n2: 2 });
    await broker.listen();
    await until(() => broker.isConnected);
    onListed.exit(0);
    onOrphan.exit(0);
    for (const shim of [second, third]) expect(await shim.next()).toEqual(ENDED_WELL);
    const fourth = rig.compile('d.c');
    (await rig.calls.next()).exit(0);
    expect(await fourth.next()).toEqual(ENDED_WELL);
    await rig.idle();
    expect(rig.report().byNode).toEqual({ n1: 3, listed: 1, n2: 1 });
    await until(() => broker.held.length === 0);
    expect(broker.faults).toEqual([]);
  });

  it('costs no job, however often it dies and returns', async () => {
    const random = seededRandom(7);
    const jobs = 40;
    rig.calls.arrivals.each((call) => setTimeout(() => call.exit(0), random() * 60));
    broker.give({ n1: 2, n2: 2 });
    const ends = Array.from({ length: jobs }, async (_, index) => {
      const shim = rig.compile(`job${index}.c`);
      return await endOf(shim);
    });
    for (let round = 0; round < 4; round += 1) {
      await until(() => broker.held.length >= 2 || rig.dispatcher.jobs.size === 0);
      for (const lease of broker.held.slice(0, 1)) broker.lose(lease, 'evicted');
      await broker.hangUp();
      await until(() => rig.dispatcher.placement.broker?.isUp === false);
      broker.give({ n1: 2, n2: 2 });
      await broker.listen();
      await until(() => broker.isConnected);
    }
    expect(await Promise.all(ends)).toHaveLength(jobs);
    await rig.idle();
    const { here, there } = rig.report();
    expect(here + there).toBe(jobs);
    await until(() => broker.held.length === 0);
    expect(broker.faults).toEqual([]);
  });
});

describe('a broker that cannot be used', () => {
  it.each([
    [{ kind: 'refused', reason: 'it wants another pmake' } as const, 'it wants another pmake'],
    [{ kind: 'welcome', version: LOCAL_BROKER_VERSION + 1, node: nodeName('submit') } as const, 'version'],
  ])('is a sentence in the report, and the listed nodes are used: %o', async (refusal, sentence) => {
    await restart((fake) => {
      fake.refusal = refusal;
    });
    rig.dispatcher.beginBuild('test', undefined);
    await until(() => rig.dispatcher.fleet.link('listed') !== undefined);
    const shim = rig.compile('a.c');
    (await rig.calls.next()).exit(0);
    expect(await shim.next()).toEqual(ENDED_WELL);
    await rig.idle();
    expect(rig.report().byNode).toEqual({ listed: 1 });
    expect(rig.report().problems).toEqual([expect.stringContaining(sentence)]);
    expect(rig.dispatcher.placement.broker?.status()).toMatchObject({ state: 'lost' });
    // Once the broker is gone, there is no problem to report.
    await broker.hangUp();
    await until(() => rig.dispatcher.placement.broker?.problem === '');
    expect(rig.dispatcher.placement.broker?.status()).toBeUndefined();
  });
});

/** Nodes of the running jobs, the oldest job first. */
function placesOf({ dispatcher }: DispatcherRig): string[] {
  return [...dispatcher.jobs.values()].flatMap(({ state }) => (state.kind === 'running-there' ? [state.node] : []));
}

/** Acts as the compiler if the job runs locally. */
async function endOf(shim: FakeShim): Promise<string> {
  const { kind } = await shim.next();
  if (kind === 'runLocally') await shim.close();
  return kind;
}
