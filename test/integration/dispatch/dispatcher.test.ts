/**
 * The dispatcher with real workers, a compiler under the test's control, and fake shims. Covers shim-session.ts and,
 * of job/: compile-job.ts, held-job.ts, probe-job.ts, local-job.ts, state.ts, remote-runs.ts, attempt.ts,
 * attempt-on-node.ts, node-run.ts, job-for-node.ts, stops.ts, settle.ts, not-run.ts and wait-messages.ts; also
 * probe-memory.ts, cache-file.ts, job-slots.ts and straggler-watch.ts.
 */
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { privateDirectoryIn } from '../../../src/tree/private-directory.ts';
import { deferred } from '../../../src/util/deferred.ts';
import type { FakeShim } from '../../rig/fake-shim.ts';
import { DispatcherRig, HELPS_HERE, outputOf, until } from './dispatcher-rig.ts';

const SIGTERM = 15;
let rig: DispatcherRig;

beforeEach(async () => {
  rig = await DispatcherRig.start();
});

afterEach(async () => {
  await rig.dispose();
});

describe('a link', () => {
  it('that is held for too long fails, and says for which file, on which node, on what kind of mount', async () => {
    await rig.use('n1/1');
    const compile = rig.compile('a.c');
    const call = await rig.calls.next();
    const link = rig.shim({
      argv: ['-o', 'program', 'a.o'],
      env: { PMAKE_NODES: rig.nodes, PMAKE_HOLD_TIMEOUT: '0.2' },
    });
    const verdict = await link.next();
    const said = verdict.kind === 'output' ? verdict.bytes.toString() : verdict.kind;
    expect(said).toMatch(
      /gcc was not started: other jobs did not finish its inputs within 0.2 s \(PMAKE_HOLD_TIMEOUT\)/,
    );
    expect(said).toContain(`${rig.tree}/a.o, which is being written on n1\n`);
    expect(said).toMatch(/^pmake: \/\S* is \S+ \(\w+, rw.*\)$/m);
    expect(await link.next()).toEqual({ kind: 'ended', termination: { kind: 'exited', code: 1 } });
    call.exit(0);
    expect(await compile.next()).toMatchObject({ kind: 'ended' });
  });
});

describe('an option probe', () => {
  const probe = (): FakeShim =>
    rig.shim({
      argv: ['-Werror', '-Wundef', '-c', '-x', 'c', '/dev/null', '-o', 'tmp'],
      env: { PMAKE_NODES: rig.nodes },
    });

  it('goes to a node in its turn, never waits for one, and explains itself', async () => {
    await rig.use('n1/1');
    // The node is checked with the first compile.
    const compile = rig.compile('a.c');
    (await rig.calls.next()).exit(0);
    expect(await compile.next()).toMatchObject({ kind: 'ended' });
    for (const shim of [probe(), probe()]) {
      expect(await shim.next()).toEqual({ kind: 'runLocally' });
      await shim.close();
    }
    await rig.idle();
    const first = probe();
    const call = await rig.calls.next();
    expect(call.words).toContain('/dev/null');
    // The node's one slot is taken.
    const second = probe();
    expect(await second.next()).toEqual({ kind: 'runLocally' });
    await second.close();
    call.shell(`echo object > ${outputOf(call)}`);
    await until(() => existsSync(outputOf(call)));
    call.exit(0);
    expect(await first.next()).toEqual({ kind: 'ended', termination: { kind: 'exited', code: 0 } });
    expect(existsSync(`${rig.tree}/tmp`)).toBe(true);
    await rig.idle();
    expect(rig.report()).toMatchObject({ byNode: { n1: 2 }, here: 3, hereReasons: { 'option-probe': 3 } });
  });

  it('that a node fails is made here', async () => {
    await rig.use('n1/1');
    const compile = rig.compile('a.c');
    (await rig.calls.next()).exit(0);
    expect(await compile.next()).toMatchObject({ kind: 'ended' });
    for (const shim of [probe(), probe()]) {
      expect(await shim.next()).toEqual({ kind: 'runLocally' });
      await shim.close();
    }
    await rig.idle();
    const shim = probe();
    await rig.calls.next();
    rig.lose('n1');
    expect(await shim.next()).toEqual({ kind: 'runLocally' });
    await shim.close();
    await rig.idle();
    expect(rig.report()).toMatchObject({ hereReasons: { 'node-lost': 1, 'option-probe': 2 } });
  });
});

describe('an option probe that a compiler accepted before', () => {
  const ask = (object: string, { option = '-Wundef', env = {} } = {}): FakeShim =>
    rig.shim({
      argv: ['-Werror', option, '-c', '-x', 'c', '/dev/null', '-o', object],
      env: { PMAKE_NODES: rig.nodes, MAKELEVEL: object, ...env },
    });
  const taken = { kind: 'ended', termination: { kind: 'exited', code: 0 } };

  /** Runs the next option probe on a node, whose compiler writes `content` and ends as given. */
  async function askNode(shim: FakeShim, content: string, end: { said?: string; code?: number } = {}): Promise<void> {
    const call = await rig.calls.next();
    call.shell(`printf %s '${content}' > ${outputOf(call)}`);
    if (end.said !== undefined) call.print(2, end.said);
    call.exit(end.code ?? 0);
    while ((await shim.next()).kind !== 'ended');
    // The probe's duration decides where the next one runs, and is known when its output is in place.
    await rig.idle();
  }

  beforeEach(async () => {
    await rig.use('n1/2');
    const compile = rig.compile('a.c');
    (await rig.calls.next()).exit(0);
    expect(await compile.next()).toMatchObject({ kind: 'ended' });
    // The first option probes run locally.
    for (const shim of [ask('one'), ask('two')]) {
      expect(await shim.next()).toEqual({ kind: 'runLocally' });
      await shim.close();
    }
    await rig.idle();
    await askNode(ask('three'), 'object');
  });

  it('is not run again: the object is put in place', async () => {
    const { arrived } = rig.calls;
    expect(await ask('four').next()).toEqual(taken);
    expect(readFileSync(`${rig.tree}/four`, 'utf8')).toBe('object');
    expect(statSync(`${rig.tree}/four`).mode & 0o777).toBe(0o644);
    expect(rig.calls.arrived).toBe(arrived);
    await rig.idle();
    expect(rig.report()).toMatchObject({ byNode: { n1: 2 }, hereReasons: { 'option-probe': 2, 'known-probe': 1 } });
  });

  it.each([
    ['other words', { option: '-Wunused' }],
    ['another environment', { env: { LANG: 'de_DE' } }],
    ['the user’s wish', { env: { PMAKE_TRIALS: 'ask' } }],
  ])('is run for %s', async (_, options) => {
    await askNode(ask('four', options), 'another');
    expect(readFileSync(`${rig.tree}/four`, 'utf8')).toBe('another');
  });

  it('is run by another compiler of that name', async () => {
    writeFileSync(`${rig.tree}/bin/new`, Buffer.concat([readFileSync(`${rig.tree}/bin/gcc`), Buffer.of(0)]));
    chmodSync(`${rig.tree}/bin/new`, 0o755);
    renameSync(`${rig.tree}/bin/new`, `${rig.tree}/bin/gcc`);
    // The node is checked for it with the next compile; a probe would not wait for that.
    const compile = rig.compile('b.c');
    (await rig.calls.next()).exit(0);
    expect(await compile.next()).toMatchObject({ kind: 'ended' });
    await askNode(ask('four'), 'of the new one');
    expect(readFileSync(`${rig.tree}/four`, 'utf8')).toBe('of the new one');
  });

  it('is run where its output is there already', async () => {
    writeFileSync(`${rig.tree}/four`, 'older');
    await askNode(ask('four'), 'object');
    expect(readFileSync(`${rig.tree}/four`, 'utf8')).toBe('object');
  });

  it.each([
    ['was refused', { code: 1, said: 'cc1: error: not today\n' }],
    ['was talked about', { said: 'cc1: warning: what is this?\n' }],
  ])('is run again where it %s', async (_, end) => {
    await askNode(ask('four', { option: '-Wodd' }), 'half', end);
    // The side depends on the durations of the others.
    const onNode = rig.calls.next().then((call) => {
      call.exit(0);
      return 'run on a node';
    });
    const here = ask('five', { option: '-Wodd' })
      .next()
      .then(({ kind }) => kind);
    expect(['runLocally', 'run on a node']).toContain(await Promise.race([onNode, here]));
  });
});

describe('a job that is late while slots idle', () => {
  /** From now on compiles are expected to take almost no time. */
  async function teach(): Promise<void> {
    const compile = rig.compile('quick.c');
    const call = await rig.calls.next();
    call.shell('i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done');
    call.exit(0);
    expect(await compile.next()).toMatchObject({ kind: 'ended' });
    await rig.idle();
  }

  it('is started on a second node, and the first to end counts, once', async () => {
    await rig.use('n1/2 n2/2');
    await teach();
    const shim = rig.compile('late.c');
    const first = await rig.calls.next();
    first.shell(`echo first > ${outputOf(first)}`);
    await until(() => existsSync(outputOf(first)));
    // A released slot triggers the check for stragglers, so any job that ends will do.
    const other = rig.compile('other.c');
    (await rig.calls.next()).exit(0);
    expect(await other.next()).toMatchObject({ kind: 'ended' });
    const second = await rig.calls.next();
    expect(outputOf(second)).not.toBe(outputOf(first));
    second.shell(`echo second > ${outputOf(second)}`);
    await until(() => existsSync(outputOf(second)) && readFileSync(outputOf(second), 'utf8') === 'second\n');
    second.exit(0);
    expect(await shim.next()).toEqual({ kind: 'ended', termination: { kind: 'exited', code: 0 } });
    expect(readFileSync(`${rig.tree}/late.o`, 'utf8')).toBe('second\n');
    // The beaten attempt is killed, and its output is removed.
    await first.closed;
    await until(() => readdirSync(rig.tree).every((name) => !name.startsWith('.pmake-')));
    await until(() => rig.dispatcher.placement.remoteTaken === 0);
    expect(readFileSync(`${rig.tree}/late.o`, 'utf8')).toBe('second\n');
    expect(rig.report()).toMatchObject({ startedTwice: 1, retries: 0 });
    const late = rig.report().records.find(({ file }) => file.endsWith('late.c'));
    expect(late).toMatchObject({ attempts: 2, reason: '' });
  });

  it('stays alone where there is no second node', async () => {
    await rig.use('n1/4');
    await teach();
    const shim = rig.compile('late.c');
    const call = await rig.calls.next();
    const other = rig.compile('other.c');
    (await rig.calls.next()).exit(0);
    expect(await other.next()).toMatchObject({ kind: 'ended' });
    const [job] = rig.dispatcher.jobs.values();
    await until(() => (job?.remoteRun?.forMs ?? 0) > 3_000);
    call.exit(0);
    expect(await shim.next()).toMatchObject({ kind: 'ended' });
    await rig.idle();
    expect(rig.report()).toMatchObject({ startedTwice: 0, retries: 0, byNode: { n1: 3 } });
  });
});

describe('the slots that a build may count on', () => {
  it('are not those of a node that cannot be reached, and no more than the file server bears', async () => {
    const { build } = rig.dispatcher.beginBuild('test', 'n1/3 unreachable/4');
    const { placement } = rig.dispatcher;
    await until(() => placement.openSlots(build) === 3);
    placement.limitRemote(2);
    expect(placement.openSlots(build)).toBe(2);
    placement.limitRemote(Number.POSITIVE_INFINITY);
    expect(placement.openSlots(build)).toBe(3);
  });
});

describe('whether there may be nodes at all', () => {
  it('is known by lists, and by a socket where a broker was', async () => {
    const { placement } = rig.dispatcher;
    expect([
      placement.nodes.mayExist('n1/1'),
      placement.nodes.mayExist(''),
      placement.nodes.mayExist(undefined),
    ]).toEqual([true, false, false]);
    await rig.dispose();
    rig = await DispatcherRig.start({
      broker: (tree) => {
        writeFileSync(`${tree}/broker.sock`, '');
        return Promise.resolve(`${tree}/broker.sock`);
      },
    });
    expect(rig.dispatcher.placement.nodes.mayExist(undefined)).toBe(true);
    expect(rig.dispatcher.placement.nodes.mayExist('')).toBe(false);
  });
});

describe('a job that may leave', () => {
  it('runs on a node, and the shim gets its output and its status', async () => {
    await rig.use('n1/1');
    const shim = rig.compile('a.c');
    const call = await rig.calls.next();
    call.print(2, 'warning 1\n');
    call.print(1, 'listing\n');
    call.exit(3);
    // Two pipes: a busy node may read both at once, and their order is lost.
    const printed = [await shim.next(), await shim.next()];
    expect(printed).toContainEqual({ kind: 'output', fd: 2, bytes: Buffer.from('warning 1\n') });
    expect(printed).toContainEqual({ kind: 'output', fd: 1, bytes: Buffer.from('listing\n') });
    expect(await shim.next()).toEqual({ kind: 'ended', termination: { kind: 'exited', code: 3 } });
    await rig.idle();
    expect(rig.report()).toMatchObject({ byNode: { n1: 1 }, here: 0, retries: 0 });
  });

  it('takes a local slot when the nodes are full, and waits when that is taken too', async () => {
    await rig.use('n1/1');
    const first = rig.compile('a.c');
    const onNode = await rig.calls.next();
    const second = rig.compile('b.c');
    expect(await second.next()).toEqual(HELPS_HERE);
    const third = rig.compile('c.c');
    onNode.exit(0);
    expect(await first.next()).toMatchObject({ kind: 'ended' });
    const afterwards = await rig.calls.next();
    expect(afterwards.words).toContain('c.c');
    afterwards.exit(0);
    expect(await third.next()).toMatchObject({ kind: 'ended' });
    await second.close();
  });

  it('waits for nodes that are being connected rather than for a compile here', async () => {
    const gate = deferred<undefined>();
    rig.mayConnect = gate.promise;
    rig.nodes = 'n1/1 n2/1';
    const shim = rig.compile('a.c');
    await rig.roundTrip();
    expect(shim.verdicts.unclaimed).toBe(0);
    gate.resolve(undefined);
    (await rig.calls.next()).exit(0);
    expect(await shim.next()).toMatchObject({ kind: 'ended' });
  });

  it('compiled here because its only node was still being connected is said to be that', async () => {
    const gate = deferred<undefined>();
    rig.mayConnect = gate.promise;
    rig.nodes = 'n1/1';
    const shim = rig.compile('a.c');
    expect(await shim.next()).toEqual(HELPS_HERE);
    await shim.close();
    await rig.idle();
    expect(rig.report()).toMatchObject({ here: 1, hereReasons: { 'nodes-not-ready': 1 } });
    gate.resolve(undefined);
  });

  it('ends on the node within two seconds when its shim dies, and leaves no half-written object', async () => {
    await rig.use('n1/1');
    const shim = rig.compile('a.c');
    const call = await rig.calls.next();
    call.shell(`echo half > ${outputOf(call)}`);
    await until(() => existsSync(outputOf(call)));
    const startedMs = performance.now();
    await shim.close();
    await call.closed;
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await rig.idle();
    expect(existsSync(outputOf(call))).toBe(false);
  });

  it('gets the shim’s signals, and reports the signal it died by', async () => {
    await rig.use('n1/1');
    const shim = rig.compile('a.c');
    await rig.calls.next();
    shim.signal(SIGTERM);
    expect(await shim.next()).toEqual({ kind: 'ended', termination: { kind: 'signalled', signal: SIGTERM } });
  });

  it('runs elsewhere when its node is lost; what the lost node wrote is not used as an object', async () => {
    await rig.use('n1/1 n2/1');
    const shim = rig.compile('a.c');
    const first = await rig.calls.next();
    first.shell(`echo half > ${outputOf(first)}`);
    await until(() => existsSync(outputOf(first)));
    expect(existsSync(`${rig.tree}/a.o`)).toBe(false);
    const lost = rig.nodeOfOnlyJob();
    rig.lose(lost);
    const second = await rig.calls.next();
    expect(rig.nodeOfOnlyJob()).not.toBe(lost);
    expect(outputOf(second)).not.toBe(outputOf(first));
    second.shell(`echo whole > ${outputOf(second)}`);
    await until(() => existsSync(outputOf(second)) && readFileSync(outputOf(second), 'utf8') === 'whole\n');
    second.exit(0);
    expect(await shim.next()).toEqual({ kind: 'ended', termination: { kind: 'exited', code: 0 } });
    expect(readFileSync(`${rig.tree}/a.o`, 'utf8')).toBe('whole\n');
    await rig.idle();
    await until(() => readdirSync(rig.tree).every((name) => !name.startsWith('.pmake-')));
    expect(rig.report()).toMatchObject({ retries: 1, retryReasons: { 'node-lost': 1 } });
    expect(rig.report().records.at(-1)).toMatchObject({ attempts: 2, reason: 'node-lost' });
  });

  it('comes home when what the node wrote cannot be put in place, and leaves nothing of that', async () => {
    await rig.use('n1/1');
    const shim = rig.compile('a.c');
    shim.placeFailure = { index: 0, errno: 17 };
    const call = await rig.calls.next();
    const staged = outputOf(call);
    call.shell(`echo object > ${staged}`);
    await until(() => existsSync(staged));
    call.exit(0);
    // The shim received this with the moves, and ignores it.
    expect(await shim.next()).toEqual({ kind: 'ended', termination: { kind: 'exited', code: 0 } });
    expect(await shim.next()).toEqual(HELPS_HERE);
    await shim.close();
    await rig.idle();
    expect(existsSync(staged)).toBe(false);
    expect(rig.report()).toMatchObject({ here: 1, hereReasons: { 'outputs-not-placed': 1 } });
  });

  it('is written in the private directory on the mount', async () => {
    await rig.use('n1/1');
    const shim = rig.compile('a.c');
    const call = await rig.calls.next();
    const staged = outputOf(call);
    expect(dirname(staged)).toBe(privateDirectoryIn(dirname(dirname(staged))));
    expect(`${rig.tree}/`.startsWith(`${dirname(dirname(staged))}/`)).toBe(true);
    expect(staged.startsWith(`${rig.tree}/`)).toBe(false);
    expect(statSync(dirname(staged)).mode & 0o777).toBe(0o700);
    call.shell(`echo object > ${staged}`);
    await until(() => existsSync(staged));
    call.exit(0);
    expect(await shim.next()).toMatchObject({ kind: 'ended' });
    expect(readFileSync(`${rig.tree}/a.o`, 'utf8')).toBe('object\n');
    expect(existsSync(staged)).toBe(false);
  });

  it('comes home when the compiler was killed on the node, and prints nothing of that', async () => {
    await rig.use('n1/1');
    const shim = rig.compile('a.c');
    const call = await rig.calls.next();
    call.print(2, 'gcc: fatal error: Killed signal terminated program cc1\n');
    call.exit(1);
    expect(await shim.next()).toEqual(HELPS_HERE);
    await shim.close();
    await rig.idle();
    expect(rig.report()).toMatchObject({ here: 1, hereReasons: { 'node-trouble': 1 } });
    expect(rig.report().records).toMatchObject([{ where: 'here', attempts: 2 }]);
  });

  it.each<[string, (shims: typeof rig) => FakeShim]>([
    [
      'a source that is a loop of links',
      ({ tree, shim, nodes }) => {
        symlinkSync('loop.c', `${tree}/loop.c`);
        return shim({ argv: ['-c', 'loop.c'], env: { PMAKE_NODES: nodes } });
      },
    ],
    [
      'a name too long to look at',
      ({ shim, nodes }) => shim({ argv: ['-c', `${'x'.repeat(300)}.c`], env: { PMAKE_NODES: nodes } }),
    ],
    [
      'a word longer than any kernel takes',
      ({ tree, shim, nodes }) => {
        writeFileSync(`${tree}/a.c`, '');
        return shim({ argv: ['-c', `-DX=${'x'.repeat(200_000)}`, 'a.c'], env: { PMAKE_NODES: nodes } });
      },
    ],
    [
      'more words than a node’s kernel takes',
      ({ tree, shim, nodes }) => {
        writeFileSync(`${tree}/a.c`, '');
        const includes = Array.from({ length: 60_000 }, (_, index) => `-Iinclude/${'d'.repeat(30)}/${index}`);
        return shim({ argv: ['-c', ...includes, 'a.c'], env: { PMAKE_NODES: nodes } });
      },
    ],
  ])('runs here, and nothing else suffers, with %s', async (_, call) => {
    await rig.use('n1/1');
    const odd = call(rig);
    expect(await odd.next()).toEqual({ kind: 'runLocally' });
    await odd.close();
    const next = rig.compile('b.c');
    (await rig.calls.next()).exit(0);
    expect(await next.next()).toMatchObject({ kind: 'ended' });
  });

  it('is not sent again and again to a node that sends every job back', async () => {
    await rig.use('n1/1 headless/8');
    // It passes the check like any other compiler, but cannot be executed.
    chmodSync(`${rig.tree}/bin/gcc`, 0o600);
    for (const source of ['a.c', 'b.c', 'c.c', 'd.c', 'e.c']) {
      const shim = rig.compile(source);
      expect(await shim.next()).toMatchObject({ kind: 'runLocally' });
      await shim.close();
    }
    await rig.idle();
    const { retries, problems } = rig.report();
    // Three on each node, then both are left out.
    expect(retries).toBe(6);
    expect(problems).toEqual([
      expect.stringContaining('does not have this compiler'),
      expect.stringContaining('left out'),
    ]);
  });

  it('runs here, with the reason, when no node can be used', async () => {
    rig.nodes = 'unreachable/1';
    const shim = rig.compile('a.c');
    expect(await shim.next()).toEqual(HELPS_HERE);
    await shim.close();
    await rig.idle();
    expect(rig.report().here).toBe(1);
  });
});

describe('a link', () => {
  it('is held until the objects that jobs in flight write are there', async () => {
    await rig.use('n1/1');
    const compile = rig.compile('a.c');
    const call = await rig.calls.next();
    writeFileSync(`${rig.tree}/old.o`, '');
    const link = rig.shim({ argv: ['-o', 'program', 'a.o', 'old.o'] });
    const order: string[] = [];
    const linked = link.next().then((verdict) => order.push(`link: ${verdict.kind}`));
    // The link has arrived when a later request on the same dispatcher has been answered.
    await rig.roundTrip();
    order.push('compile ends');
    call.shell(`echo object > ${rig.tree}/a.o`);
    call.exit(0);
    expect(await compile.next()).toMatchObject({ kind: 'ended' });
    await linked;
    expect(order).toEqual(['compile ends', 'link: runLocally']);
    await link.close();
  });
});

describe('a node that sees another source', () => {
  /** The node sends its first job back; `meanwhile` happens just before that. */
  function sendBack(meanwhile: () => void): void {
    let isFirst = true;
    rig.tamper = (honest) => {
      if (honest.kind !== 'done' || !isFirst) return [honest];
      isFirst = false;
      meanwhile();
      return [{ kind: 'notRun', id: honest.report.id, reason: 'source-differs', detail: 'a.c' }];
    };
  }

  it('because it was written after the job was sent: gets the job again, as nothing is wrong', async () => {
    await rig.use('n1/1');
    sendBack(() => writeFileSync(`${rig.tree}/a.c`, 'int another;\n'));
    const shim = rig.compile('a.c');
    for (let runs = 0; runs < 2; runs += 1) (await rig.calls.next()).exit(0);
    expect(await shim.next()).toMatchObject({ kind: 'ended' });
    await rig.idle();
    expect(rig.report()).toMatchObject({ byNode: { n1: 1 }, retries: 0 });
  });

  it('than this host still does: does not get it again', async () => {
    await rig.use('n1/1');
    sendBack(() => undefined);
    const shim = rig.compile('a.c');
    (await rig.calls.next()).exit(0);
    expect(await shim.next()).toMatchObject({ kind: 'runLocally' });
    await shim.close();
    await rig.idle();
    expect(rig.report()).toMatchObject({ here: 1, retryReasons: { 'node-sees-another-source': 1 } });
  });
});
