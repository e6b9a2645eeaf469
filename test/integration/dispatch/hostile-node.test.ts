/**
 * Nodes with a hostile worker, with the real dispatcher and fake shims: the build ends as it would without the node, no
 * file is touched except the job's own outputs, and no slot is leaked.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { WorkerAnswer } from '../../../src/protocol/worker.ts';
import type { FakeShim } from '../../rig/fake-shim.ts';
import type { Said } from '../../rig/hostile-worker.ts';
import { DispatcherRig, HELPS_HERE, outputOf, until } from './dispatcher-rig.ts';

const SIGINT = 2;
/** Three times the output of one job that is held in memory. */
const [PIECES, PIECE_LINES] = [96, 512];
/** The compiler on the node succeeds without writing an object. */
const MAKES_NOTHING = { FAKE_COMPILER_MAKES: '' };
const LINE = `${'x'.repeat(63)}\n`;

let rig: DispatcherRig;
beforeEach(async () => {
  rig = await DispatcherRig.start();
  await rig.use('n1/1');
});
afterEach(() => rig.dispose());

/** Makes the worker honest except in this kind of answer. */
function instead(of: WorkerAnswer['kind'], change: (honest: WorkerAnswer) => readonly Said[]): void {
  rig.tamper = (honest) => (honest.kind === of ? change(honest) : [honest]);
}

/** Compiles a.c; the compiler on the node writes an object and succeeds. */
async function compile(): Promise<FakeShim> {
  const shim = rig.compile('a.c');
  const call = await rig.calls.next();
  call.shell(`echo object > ${outputOf(call)}`);
  call.exit(0);
  return shim;
}

async function expectRunHere(shim: FakeShim): Promise<void> {
  expect(await shim.next()).toEqual(HELPS_HERE);
  await shim.close();
  await rig.idle();
  await until(() => rig.dispatcher.placement.remoteTaken === 0);
  expect(existsSync(`${rig.tree}/a.o`)).toBe(false);
}

/** Names in the tree that were not there from the start. */
function made(): string[] {
  return readdirSync(rig.tree).filter((name) => !['bin', '.config', 'calls', 'dispatcher.sock'].includes(name));
}

it.each<[string, (honest: WorkerAnswer & { kind: 'done' }) => readonly Said[]]>([
  ['reports no outputs', ({ report }) => [{ kind: 'done', report: { ...report, outputs: [] } }]],
  [
    'reports outputs that the job has not',
    ({ report }) => [{ kind: 'done', report: { ...report, outputs: [...report.outputs, ...report.outputs] } }],
  ],
  ['prints for another job', ({ report }) => [{ kind: 'output', id: report.id + 1, fd: 2, bytes: Buffer.from('x') }]],
  ['announces an answer without end', () => [Buffer.alloc(8, 0xff)]],
])('a node that %s gets no job done, and the job runs here', async (_, change) => {
  writeFileSync(`${rig.tree}/precious`, 'of the user');
  instead('done', (honest) => (honest.kind === 'done' ? change(honest) : []));
  await expectRunHere(await compile());
  expect(made().sort()).toEqual(['a.c', 'precious']);
  expect(readFileSync(`${rig.tree}/precious`, 'utf8')).toBe('of the user');
});

it('a node that claims an object which is not there does not make one', async () => {
  instead('done', (honest) => {
    if (honest.kind !== 'done') return [];
    const outputs = honest.report.outputs.map(() => ({ present: true, sizeBytes: 5n, mtimeNs: 0n }) as const);
    return [{ kind: 'done', report: { ...honest.report, outputs } }];
  });
  const shim = rig.compile('a.c', { PMAKE_HOLD_TIMEOUT: '0.2', ...MAKES_NOTHING });
  (await rig.calls.next()).exit(0);
  await expectRunHere(shim);
  expect(rig.report()).toMatchObject({ retryReasons: { 'outputs-not-visible': 1 } });
});

it.each<[string, Readonly<Record<string, string>>, (path: string) => void]>([
  ['where there was none', MAKES_NOTHING, () => undefined],
  ['over an older one', MAKES_NOTHING, (path) => writeFileSync(path, 'older')],
  ['under the name that the user gave it', { ...MAKES_NOTHING, PMAKE_PATHS: 'keep' }, () => undefined],
])('a node that says a compile succeeded, and makes no object %s, is not believed', async (_, settings, prepare) => {
  prepare(`${rig.tree}/a.o`);
  const shim = rig.compile('a.c', settings);
  (await rig.calls.next()).exit(0);
  expect(await shim.next()).toEqual(HELPS_HERE);
  await shim.close();
  await rig.idle();
  expect(rig.report()).toMatchObject({ here: 1, retryReasons: { 'node-made-no-object': 1 } });
});

it('a job that a signal reaches when its node is done with it ends by that signal', async () => {
  // The node's claim, whatever the signal did there.
  instead('done', (honest) => {
    if (honest.kind !== 'done') return [];
    return [{ kind: 'done', report: { ...honest.report, termination: { kind: 'exited', code: 0 } } }];
  });
  const shim = rig.compile('a.c');
  await rig.calls.next();
  shim.signal(SIGINT);
  expect(await shim.next()).toEqual({ kind: 'ended', termination: { kind: 'signalled', signal: SIGINT } });
  await rig.idle();
  expect(made()).toEqual(['a.c']);
});

it('a node that misses files without end does not keep the job', async () => {
  const names = Array.from({ length: 8 }, (_, at) => `${'d/'.repeat(1_900)}${at}.h: No such file or directory\n`);
  const shim = rig.compile('a.c');
  const call = await rig.calls.next();
  for (const name of names) call.print(2, name);
  call.exit(1);
  expect(await shim.next()).toEqual(HELPS_HERE);
  await shim.close();
  await rig.idle();
  expect(rig.report()).toMatchObject({ retryReasons: { 'file-missing-on-node': 1 } });
});

it('a node that answers pings and never ends a job loses it, with its slot, when that is cancelled', async () => {
  instead('done', () => []);
  const shim = await compile();
  shim.signal(SIGINT);
  await until(() => rig.dispatcher.placement.remoteTaken === 0);
  await shim.close();
  await rig.idle();
  expect(made()).toEqual(['a.c']);
});

it('a node that knows no environment, however often it is sent, is not asked for ever', async () => {
  const sent = new Set<string>();
  rig.tamper = (honest) => {
    if (honest.kind !== 'done') return [honest];
    sent.add(String(honest.report.id));
    return [{ kind: 'notRun', id: honest.report.id, reason: 'environment-unknown', detail: '' }];
  };
  const shim = rig.compile('a.c');
  for (let sendings = 0; sendings < 3; sendings += 1) (await rig.calls.next()).exit(0);
  await expectRunHere(shim);
  expect(rig.report()).toMatchObject({ retryReasons: { 'node-could-not-start': 1 } });
});

it('what a node says of itself reaches a terminal as text', async () => {
  instead('done', (honest) => {
    if (honest.kind !== 'done') return [];
    return [{ kind: 'notRun', id: honest.report.id, reason: 'limit-too-low', detail: '\x1b]0;owned\x07\n' }];
  });
  await expectRunHere(await compile());
  for (const problem of rig.report().problems) expect(problem).not.toMatch(/[\x00-\x1f\x7f]/);
});

it('what a compiler prints beyond what is held in memory arrives whole and in its order', async () => {
  const shim = rig.compile('a.c');
  const call = await rig.calls.next();
  call.print(2, `begins ${outputOf(call)}\n`);
  for (let piece = 0; piece < PIECES; piece += 1) call.print(2, LINE.repeat(PIECE_LINES));
  call.print(2, `ends ${outputOf(call)}\n`);
  call.exit(1);
  const printed: Buffer[] = [];
  let verdict = await shim.next();
  for (; verdict.kind === 'output'; verdict = await shim.next()) printed.push(verdict.bytes);
  expect(verdict).toEqual({ kind: 'ended', termination: { kind: 'exited', code: 1 } });
  const whole = Buffer.concat(printed).toString();
  const expected = `begins a.o\n${LINE.repeat(PIECES * PIECE_LINES)}ends a.o\n`;
  expect(whole.length).toBe(expected.length);
  expect(whole === expected).toBe(true);
});
