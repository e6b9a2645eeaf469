/** prun, as its worker uses it: a process group that never outlives the worker, and an account of what it used. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeRunnerReport, type RunnerReport } from '../../../src/protocol/runner.ts';
import { ShimRig } from '../../rig/shim-rig.ts';

const { signals, errno } = constants;

interface Run {
  readonly runner: ChildProcess;
  /** The worker's end of fd 3. */
  readonly orders: Socket;
  readonly report: Promise<RunnerReport | undefined>;
}

function run(rig: ShimRig, words: readonly string[], env: Record<string, string> = {}): Run {
  const runner = spawn(rig.prun, words, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env: rig.environment(env) });
  const orders = runner.stdio[3] as Socket;
  const chunks: Buffer[] = [];
  orders.on('data', (chunk: Buffer) => chunks.push(chunk));
  orders.on('error', () => undefined);
  const report = once(runner, 'close').then(() => decodeRunnerReport(Buffer.concat(chunks)));
  return { runner, orders, report };
}

function groupOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '').split(' ')[2]);
}

/** Until no process has that pid; init may take a moment to reap an orphan. */
async function gone(pid: number): Promise<void> {
  const isThere = (): boolean =>
    existsSync(`/proc/${pid}`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  while (isThere()) await new Promise(setImmediate);
}

describe('the runner', () => {
  it('starts the program with its words, cwd, umask and environment, in a process group of its own', async () => {
    await using rig = await ShimRig.create();
    rig.fakeCompiler('gcc');
    const cwd = join(rig.work, 'a b ü');
    mkdirSync(cwd);
    const words = ['-c', 'a b.c', '', 'ü'];
    const { runner, report } = run(rig, ['0137', cwd, join(rig.bin, 'gcc'), ...words], { A: 'b' });
    const call = await rig.calls.next();
    expect(call.words).toEqual([join(rig.bin, 'gcc'), ...words]);
    expect([call.cwd, call.umask]).toEqual([cwd, 0o137]);
    expect(groupOf(call.pid)).toBe(call.pid);
    expect(groupOf(call.pid)).not.toBe(groupOf(runner.pid ?? 0));
    const env = new Map(call.env);
    // A shim on the node's PATH must know ld and as, which the job starts, for the job's own.
    expect(env.get('_PMAKE_GUARD')).toBe(`1:${call.pid}:p:${rig.bin}/gcc`);
    env.delete('_PMAKE_GUARD');
    expect(Object.fromEntries(env)).toEqual(rig.environment({ A: 'b' }));
    call.exit(0);
    await report;
  });

  it('gives the job nothing else: no fd, no signal blocked or ignored', async () => {
    await using rig = await ShimRig.create();
    const look = 'ls /proc/self/fd; exec grep -E "Sig(Blk|Ign)" /proc/self/status';
    const start = `trap '' PIPE INT CHLD; exec "$0" 022 / /bin/bash -c '${look}'`;
    const shell = spawn('/bin/bash', ['-c', start, rig.prun], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
    const printed: Buffer[] = [];
    shell.stdout?.on('data', (chunk: Buffer) => printed.push(chunk));
    await once(shell, 'close');
    // 3 is ls's own.
    expect(Buffer.concat(printed).toString()).toMatch(/^0\n1\n2\n3\nSigBlk:\t0+\nSigIgn:\t0+\n$/);
  });

  it.each([0, 1, 255])('reports exit code %i', async (code) => {
    await using rig = await ShimRig.create();
    const { report, runner } = run(rig, ['022', '/', '/bin/sh', '-c', `echo out; echo err >&2; exit ${code}`]);
    const output = Promise.all([once(runner.stdout ?? runner, 'data'), once(runner.stderr ?? runner, 'data')]);
    expect(await report).toMatchObject({ kind: 'ran', termination: { kind: 'exited', code } });
    expect((await output).flat().map(String)).toEqual(['out\n', 'err\n']);
    expect(runner.exitCode).toBe(0);
  });

  it('reports a signal that the job died by', async () => {
    await using rig = await ShimRig.create();
    const { report } = run(rig, ['022', '/', '/bin/sh', '-c', 'kill -SEGV $$']);
    expect(await report).toMatchObject({ kind: 'ran', termination: { kind: 'signalled', signal: signals.SIGSEGV } });
  });

  it.each<[string, string[], object]>([
    ['a missing directory', ['022', '/no/such', '/bin/true'], { kind: 'cwd-failed', errno: errno.ENOENT }],
    ['a directory that is a file', ['022', '/bin/true', '/bin/true'], { kind: 'cwd-failed', errno: errno.ENOTDIR }],
    ['a missing program', ['022', '/', '/no/such'], { kind: 'exec-failed', errno: errno.ENOENT }],
    ['a program that is none', ['022', '/', '/etc/passwd'], { kind: 'exec-failed', errno: errno.EACCES }],
  ])('reports %s with its errno', async (_, words, wanted) => {
    await using rig = await ShimRig.create();
    const { report, runner } = run(rig, words);
    expect(await report).toEqual(wanted);
    expect(runner.exitCode).toBe(0);
  });

  it('passes signals on to the whole group', async () => {
    await using rig = await ShimRig.create();
    rig.fakeCompiler('cc1');
    // The driver ignores the signal, its child does not: it was sent to both.
    const { orders, report } = run(rig, ['022', '/', '/bin/bash', '-c', `trap 'echo got' INT; ${rig.bin}/cc1; exit 3`]);
    await rig.calls.next();
    orders.write(Buffer.of(signals.SIGINT));
    expect(await report).toMatchObject({ termination: { kind: 'exited', code: 3 } });
  });

  it('kills the whole group, whatever it ignores, when the worker is gone', async () => {
    await using rig = await ShimRig.create();
    rig.fakeCompiler('cc1');
    const { orders, runner } = run(rig, ['022', '/', '/bin/sh', '-c', `trap '' HUP INT TERM; ${rig.bin}/cc1; exit 3`]);
    const call = await rig.calls.next();
    const closed = once(runner, 'close');
    orders.destroy();
    await closed;
    await gone(call.pid);
  });

  it.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('ended by %s, ends its job', async (signal) => {
    await using rig = await ShimRig.create();
    rig.fakeCompiler('cc1');
    const { runner, report } = run(rig, ['022', '/', '/bin/sh', '-c', `${rig.bin}/cc1; exit 3`]);
    const call = await rig.calls.next();
    runner.kill(signal);
    // By the signal on which gcc removes its temporary files; what ignores it is killed a moment later.
    expect(await report).toMatchObject({ termination: { kind: 'signalled', signal: signals.SIGTERM } });
    await gone(call.pid);
  });

  it('killed itself, takes at least the driver with it', async () => {
    await using rig = await ShimRig.create();
    rig.fakeCompiler('gcc');
    const { runner, report } = run(rig, ['022', '/', join(rig.bin, 'gcc')]);
    const call = await rig.calls.next();
    runner.kill('SIGKILL');
    expect(await report).toBeUndefined();
    await gone(call.pid);
  });

  it('accounts for CPU time and memory of the job and its children', async () => {
    await using rig = await ShimRig.create();
    // About 0.2 s of CPU and 64 MiB in a grandchild.
    const spin = `const b = Buffer.alloc(64 << 20, 1); const end = process.cpuUsage().user + 2e5; while (process.cpuUsage().user < end);`;
    const { report } = run(rig, ['022', '/', '/bin/sh', '-c', `"${process.execPath}" -e "${spin}"; exit 0`]);
    const ran = await report;
    if (ran?.kind !== 'ran') throw new Error('it did not run');
    expect(Number(ran.cpuUserUs)).toBeGreaterThan(200_000);
    expect(Number(ran.cpuUserUs + ran.cpuSystemUs)).toBeLessThan(20_000_000);
    expect(ran.maxRssKiB).toBeGreaterThan(64 * 1024);
    expect(ran.maxRssKiB).toBeLessThan(1024 * 1024);
  });

  it('says how it is used when it is called by hand', async () => {
    await using rig = await ShimRig.create();
    const ended = await rig.run(rig.prun, ['022']);
    expect([ended.code, ended.stderr.toString().startsWith('prun: ')]).toEqual([2, true]);
  });
});
