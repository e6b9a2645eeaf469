/** The dispatcher with nodes that do not have the tree, or get it later: real workers and a fake broker. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeStatus } from '../../../src/protocol/control.ts';
import { FakeBroker } from '../../rig/fake-broker.ts';
import { DispatcherRig, HELPS_HERE, until } from './dispatcher-rig.ts';

const ENDED_WELL = { kind: 'ended', termination: { kind: 'exited', code: 0 } };

let rig: DispatcherRig;
let broker: FakeBroker | undefined;
/** The directory that the node `elsewhere` has in place of the local /var/tmp. */
let there: string;

beforeEach(() => {
  there = `/var/tmp/pmake-there-${randomUUID()}`;
});

afterEach(async () => {
  await rig.dispose();
  await broker?.[Symbol.asyncDispose]();
  broker = undefined;
  rmSync(there, { recursive: true, force: true });
});

async function start(nodes: readonly string[], withBroker: boolean): Promise<void> {
  const elsewhere = { name: 'elsewhere', host: 'elsewhere', slots: 4, paths: { '/var/tmp': there } };
  const listen = async (tree: string) => {
    broker = new FakeBroker(join(tree, 'broker.sock'));
    await broker.listen();
    return join(tree, 'broker.sock');
  };
  const config = { nodes: [elsewhere, ...nodes] };
  rig = await DispatcherRig.start(withBroker ? { config, broker: listen } : { config });
  rig.isUnlisted = true;
  if (withBroker) return;
  // Otherwise the first job would not wait for a node.
  const { names } = rig.dispatcher.beginBuild('test', undefined);
  await until(() => [...names].every((name) => rig.dispatcher.fleet.link(name) !== undefined));
}

function elsewhere(): NodeStatus | undefined {
  return rig.dispatcher.placement.nodes.status().find(({ name }) => name === 'elsewhere');
}

async function expectRefusal(): Promise<void> {
  await until(() => elsewhere()?.state === 'refused');
  expect(elsewhere()?.reason).toMatch(/^it has no \/var\/tmp\/\S+: mount the tree there at the same path/);
}

describe('a node without the tree', () => {
  it('gets no job, and the next one runs it at the first try', async () => {
    await start(['n1/3'], false);
    const shims = ['a.c', 'b.c', 'c.c'].map((source) => rig.compile(source));
    const calls = await Promise.all(shims.map(() => rig.calls.next()));
    for (const call of calls) call.exit(0);
    for (const shim of shims) expect(await shim.next()).toEqual(ENDED_WELL);
    await expectRefusal();
    await rig.idle();
    expect(rig.report()).toMatchObject({ byNode: { n1: 3 }, retries: 0 });
    expect(readdirSync(rig.tree).filter((name) => name.startsWith('.pmake-'))).toEqual([]);
  });

  it('leaves the jobs to this host where there is no other', async () => {
    await start([], false);
    const shim = rig.compile('a.c');
    expect(await shim.next()).toEqual({ kind: 'runLocally' });
    await shim.close();
    await rig.idle();
    await expectRefusal();
    expect(rig.report()).toMatchObject({ here: 1, retries: 0, hereReasons: { 'nodes-unfit': 1 } });
    expect(rig.report().hereDetails['nodes-unfit']).toMatch(/^elsewhere: it has no \/var\/tmp\//);
  });

  it('that was leased is given back, and another is asked for', async () => {
    await start([], true);
    broker?.give({ elsewhere: 2 });
    const blocker = rig.compile('z.c');
    expect(await blocker.next()).toEqual({ kind: 'runLocally' });
    const shim = rig.compile('a.c');
    await until(() => broker?.asked.some(({ exclude }) => exclude.includes('elsewhere')) === true);
    await expectRefusal();
    broker?.give({ n1: 1 });
    (await rig.calls.next()).exit(0);
    expect(await shim.next()).toEqual(ENDED_WELL);
    await rig.idle(1);
    expect(rig.report()).toMatchObject({ byNode: { n1: 1 }, retries: 0 });
    await blocker.close();
    expect(broker?.faults).toEqual([]);
  });

  it('that was leased gets the jobs that wait as soon as it has the tree', async () => {
    await start([], true);
    broker?.capacity(4);
    broker?.give({ elsewhere: 2 });
    const first = rig.compile('a.c');
    await until(() => broker?.asked.some(({ exclude }) => exclude.includes('elsewhere')) === true);
    mkdirSync(there);
    symlinkSync(rig.tree, join(there, basename(rig.tree)));
    // Another build causes a new check.
    rig.shim({ argv: ['-c', 'a.c', '-o', 'b.o'], env: { PMAKE_BUILD: 'next' } });
    await until(() => elsewhere()?.reason === '');
    broker?.give({ elsewhere: 2 });
    // The job was sent there and came back: a compiler within the tree has no name on the node.
    await until(() => rig.report().retryReasons['paths-not-mapped'] === 1);
    expect(await first.next()).toEqual(HELPS_HERE);
    await first.close();
    expect(broker?.faults).toEqual([]);
  });

  it('is looked at again in the next build', async () => {
    await start(['n1/3'], false);
    const first = rig.compile('a.c');
    (await rig.calls.next()).exit(0);
    expect(await first.next()).toEqual(ENDED_WELL);
    await expectRefusal();
    mkdirSync(there);
    symlinkSync(rig.tree, join(there, basename(rig.tree)));
    const next = rig.shim({ argv: ['-c', 'a.c'], env: { PMAKE_BUILD: 'next' } });
    (await rig.calls.next()).exit(0);
    expect(await next.next()).toEqual(ENDED_WELL);
    await until(() => elsewhere()?.reason === '');
    expect(elsewhere()?.state).toBe('up');
  });
});

describe('a node that is slow to say what it has', () => {
  /** No lease has been without a job for half a second. */
  const LONGER_THAN_IDLE_MS = 700;

  it('and was leased keeps its lease, and runs the job that waits when it has said it', async () => {
    await start(['n1/1'], true);
    const hold = join(rig.tree, 'hold');
    holdAnswers(join(rig.tree, 'bin', 'gcc'), hold);
    broker?.capacity(4);
    broker?.give({ n1: 1 });
    const shim = rig.compile('a.c');
    await until(() => rig.dispatcher.placement.admission.nodes.isSlow('n1'));
    await delay(LONGER_THAN_IDLE_MS);
    expect(broker?.held).toHaveLength(1);
    rmSync(hold);
    (await rig.calls.next()).exit(0);
    expect(await shim.next()).toEqual(ENDED_WELL);
    expect(broker?.leases.size).toBe(1);
    expect(broker?.asked.every(({ exclude }) => !exclude.includes('n1'))).toBe(true);
    expect(broker?.faults).toEqual([]);
  });

  /** The compiler does not report its version while `hold` exists. */
  function holdAnswers(compiler: string, hold: string): void {
    renameSync(compiler, `${compiler}-12`);
    writeFileSync(hold, '');
    const script = `#!/bin/sh\n[ "$1" != -v ] || while [ -e ${hold} ]; do sleep 0.02; done\nexec ${compiler}-12 "$@"\n`;
    writeFileSync(compiler, script, { mode: 0o755 });
  }
});
