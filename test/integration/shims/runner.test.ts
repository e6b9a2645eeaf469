/** prun, as its worker uses it: a process group that never outlives the worker, and an account of what it used. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeInherited, NOTHING_SET, UNLIMITED, type Inherited } from '../../../src/protocol/inherited.ts';
import { decodeRunnerReport, encodeRunnerStart, type RunnerReport } from '../../../src/protocol/runner.ts';
import { PLAIN_STREAMS, type Streams } from '../../../src/protocol/streams.ts';
import { ARE_SHIMS_SANITIZED, ShimRig } from '../../rig/shim-rig.ts';

const { signals, errno } = constants;
/** personality(2); `setarch -R` sets it. */
const ADDR_NO_RANDOMIZE = 0x4_0000;

interface Run {
  readonly runner: ChildProcess;
  /** The worker's end of fd 3. */
  readonly orders: Socket;
  readonly report: Promise<RunnerReport | undefined>;
}

interface Given {
  readonly env?: Record<string, string>;
  /** Instead of `env`. */
  readonly block?: Buffer;
  readonly inherited?: Partial<Inherited>;
  readonly streams?: Partial<Streams>;
  /** What starts the runner; it gets its command line appended. */
  readonly command?: readonly string[];
}

function blockOf(env: Readonly<Record<string, string>>): Buffer {
  return Buffer.from(
    Object.entries(env)
      .map(([name, value]) => `${name}=${value}\0`)
      .join(''),
  );
}

function startOf(rig: ShimRig, { env = {}, block, inherited = {}, streams = {} }: Given): Buffer {
  return encodeRunnerStart({
    streams: { ...PLAIN_STREAMS, ...streams },
    inherited: encodeInherited({ ...NOTHING_SET, ...inherited }),
    environment: block ?? blockOf(rig.environment(env)),
  });
}

function run(rig: ShimRig, words: readonly string[], given: Given = {}): Run {
  const [program, ...before] = [...(given.command ?? []), rig.prun];
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'pipe'];
  const runner = spawn(program, [...before, ...words], { stdio, env: {} });
  const orders = runner.stdio[3] as Socket;
  orders.write(startOf(rig, given));
  const chunks: Buffer[] = [];
  orders.on('data', (chunk: Buffer) => chunks.push(chunk));
  orders.on('error', () => undefined);
  const report = once(runner, 'close').then(() => decodeRunnerReport(Buffer.concat(chunks)));
  return { runner, orders, report };
}

/** `printed`: all that came on stdout. */
function runToEnd(rig: ShimRig, words: readonly string[], given: Given = {}) {
  const running = run(rig, words, given);
  const chunks: Buffer[] = [];
  running.runner.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { ...running, printed: once(running.runner, 'close').then(() => Buffer.concat(chunks).toString('latin1')) };
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
    const { runner, report } = run(rig, ['0137', cwd, join(rig.bin, 'gcc'), ...words], { env: { A: 'b' } });
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
    const start = `trap '' PIPE INT CHLD; exec "$0" "$@"`;
    const words = ['022', '/', '/bin/bash', '-c', look];
    const { printed, report } = runToEnd(rig, words, { command: ['/bin/bash', '-c', start] });
    // 3 is ls's own.
    expect(await printed).toMatch(/^0\n1\n2\n3\nSigBlk:\t0+\nSigIgn:\t0+\n$/);
    await report;
  });

  it('gives the job the signals that are ignored and blocked on the submit host', async () => {
    await using rig = await ShimRig.create();
    const { SIGINT, SIGPIPE, SIGCHLD, SIGHUP, SIGUSR1 } = signals;
    const set = (...numbers: number[]) => numbers.reduce((bits, number) => bits | (1n << BigInt(number - 1)), 0n);
    const ignoredSignals = set(SIGHUP, SIGINT, SIGPIPE, SIGCHLD, 64);
    const blockedSignals = set(SIGUSR1, 40);
    const inherited = { ignoredSignals, blockedSignals };
    const words = ['022', '/', '/bin/grep', '-E', 'Sig(Blk|Ign)', '/proc/self/status'];
    const { printed } = runToEnd(rig, words, { inherited });
    const hex = (bits: bigint) => bits.toString(16).padStart(16, '0');
    expect(await printed).toBe(`SigBlk:\t${hex(blockedSignals)}\nSigIgn:\t${hex(ignoredSignals)}\n`);
  });

  it('hands the environment on as it is: bytes, what stands twice, what is no NAME=VALUE', async () => {
    await using rig = await ShimRig.create();
    const entries = ['A=1', 'A=2', '', 'none', '=x', '=', 'ODD=\xff\xfe\n=', 'A=1', 'LAST='];
    const block = Buffer.from(entries.map((entry) => `${entry}\0`).join(''), 'latin1');
    const { printed } = runToEnd(rig, ['022', '/', '/bin/cat', '/proc/self/environ'], { block });
    const [guard, ...rest] = (await printed).split('\0').slice(0, -1).reverse();
    expect(guard).toMatch(/^_PMAKE_GUARD=1:\d+:p:\/bin\/cat$/);
    expect(rest.reverse()).toEqual(entries);
  });

  it('hands a large environment on, and none', async () => {
    await using rig = await ShimRig.create();
    const many = Array.from({ length: 10 }, (_, index) => `BIG${index}=${'x'.repeat(100_000)}\0`).join('');
    const large = runToEnd(rig, ['022', '/', '/bin/cat', '/proc/self/environ'], { block: Buffer.from(many) });
    expect((await large.printed).startsWith(many)).toBe(true);
    const none = runToEnd(rig, ['022', '/', '/bin/cat', '/proc/self/environ'], { block: Buffer.alloc(0) });
    expect(await none.printed).toMatch(/^_PMAKE_GUARD=[^\0]*\0$/);
  });

  it('gives the job the personality of the submit host', async () => {
    await using rig = await ShimRig.create();
    const { printed } = runToEnd(rig, ['022', '/', '/bin/cat', '/proc/self/personality'], {
      inherited: { personality: ADDR_NO_RANDOMIZE },
    });
    expect(await printed).toBe('00040000\n');
  });

  it('closes what is closed on the submit host', async () => {
    await using rig = await ShimRig.create();
    const words = ['022', '/', '/bin/sh', '-c', 'ls -C /proc/$$/fd'];
    expect(await runToEnd(rig, words, { streams: { closed: 0b101 } }).printed).toBe('1\n');
    expect(await runToEnd(rig, words, { streams: { closed: 0b001 } }).printed).toBe('1  2\n');
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
    ['a file that is not a program', ['022', '/', '/etc/passwd'], { kind: 'exec-failed', errno: errno.EACCES }],
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

  it('ends without a word when the worker is gone before it has said what to do', async () => {
    await using rig = await ShimRig.create();
    const runner = spawn(rig.prun, ['022', '/', '/bin/touch', join(rig.work, 'ran')], {
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    const orders = runner.stdio[3] as Socket;
    orders.on('error', () => undefined);
    orders.write(startOf(rig, {}).subarray(0, 40));
    orders.end();
    await once(runner, 'close');
    expect(existsSync(join(rig.work, 'ran'))).toBe(false);
  });

  it('says how it is used when it is called by hand', async () => {
    await using rig = await ShimRig.create();
    const ended = await rig.run(rig.prun, ['022']);
    expect([ended.code, ended.stderr.toString().startsWith('prun: ')]).toEqual([2, true]);
  });
});

describe('limits', () => {
  const shown = 'for one in t f d s c n v; do ulimit -S$one; ulimit -H$one; done';
  const UNITS = { cpu: 1n, fsize: 1024n, data: 1024n, stack: 1024n, core: 1024n, nofile: 1n, as: 1024n } as const;

  /** As bash shows them; dash counts in other units. */
  function wordsOf(limits: Inherited['limits']): string {
    const word = (value: bigint, unit: bigint) => (value === UNLIMITED ? 'unlimited' : String(value / unit));
    const { cpu, fsize, data, stack, core, nofile, as } = limits;
    const ordered = { cpu, fsize, data, stack, core, nofile, as };
    return Object.entries(ordered)
      .flatMap(([name, { soft, hard }]) => [soft, hard].map((one) => word(one, UNITS[name as keyof typeof UNITS])))
      .map((line) => `${line}\n`)
      .join('');
  }

  const GiB = 1024n ** 3n;
  const ODD: Inherited['limits'] = {
    cpu: { soft: 100n, hard: 200n },
    fsize: { soft: GiB, hard: UNLIMITED },
    data: { soft: 2n * GiB, hard: 3n * GiB },
    stack: { soft: UNLIMITED, hard: UNLIMITED },
    core: { soft: 0n, hard: 1024n },
    nofile: { soft: 20n, hard: 30n },
    as: { soft: 4n * GiB, hard: 5n * GiB },
  };

  it.each([NOTHING_SET.limits, ODD])('are the job’s, soft and hard', async (limits) => {
    await using rig = await ShimRig.create();
    const { printed } = runToEnd(rig, ['022', '/', '/bin/bash', '-c', shown], { inherited: { limits } });
    expect(await printed).toBe(wordsOf(limits));
  });

  /** A node whose hard limits are these, and which may not raise them. */
  const withHard = (...words: string[]) => [
    'prlimit',
    ...words,
    'setpriv',
    '--bounding-set=-sys_resource',
    '--inh-caps=-sys_resource',
  ];

  type Refused = [string, string[], Partial<Inherited['limits']>];
  const LIMITS_OF_ADDRESS_SPACE: Refused[] = ARE_SHIMS_SANITIZED ? [] : [['as', ['--as=4294967296:4294967296'], {}]];
  it.each<Refused>([
    ['stack', ['--stack=8388608:8388608'], { stack: { soft: UNLIMITED, hard: UNLIMITED } }],
    // gcc raises its own up to 64 MiB.
    ['stack', ['--stack=8388608:8388608'], { stack: { soft: 8_388_608n, hard: UNLIMITED } }],
    ['cpu', ['--cpu=60:60'], {}],
    ...LIMITS_OF_ADDRESS_SPACE,
    ['fsize', ['--fsize=1000:1000'], { fsize: { soft: 1001n, hard: 1001n } }],
    ['nofile', ['--nofile=512:512'], { nofile: { soft: 1024n, hard: 1024n } }],
  ])('that this host cannot give are told: %s under %j', async (limit, hard, wanted) => {
    await using rig = await ShimRig.create();
    const limits = { ...NOTHING_SET.limits, ...wanted };
    const { report } = run(rig, ['022', '/', '/bin/true'], { inherited: { limits }, command: withHard(...hard) });
    expect(await report).toEqual({ kind: 'limit-failed', limit });
  });

  it.each<[string[], Partial<Inherited['limits']>]>([
    [['--stack=8388608:67108864'], { stack: { soft: 8_388_608n, hard: UNLIMITED } }],
    [['--stack=8388608:8388608'], { stack: { soft: 1_048_576n, hard: 8_388_608n } }],
    [['--nofile=1024:4096'], { nofile: { soft: 1_048_576n, hard: 1_048_576n } }],
    [['--core=0:0'], { core: { soft: UNLIMITED, hard: UNLIMITED } }],
    [['--cpu=60:60'], { cpu: { soft: 60n, hard: 60n } }],
  ])('that differ in what no compile can tell do no harm: %j', async (hard, wanted) => {
    await using rig = await ShimRig.create();
    const limits = { ...NOTHING_SET.limits, ...wanted };
    const { report } = run(rig, ['022', '/', '/bin/true'], { inherited: { limits }, command: withHard(...hard) });
    expect(await report).toMatchObject({ kind: 'ran', termination: { kind: 'exited', code: 0 } });
  });

  it('on CPU time end the job by their signal', async () => {
    await using rig = await ShimRig.create();
    const limits = { ...NOTHING_SET.limits, cpu: { soft: 1n, hard: 5n } };
    const { report } = run(rig, ['022', '/', '/bin/sh', '-c', 'while :; do :; done'], { inherited: { limits } });
    expect(await report).toMatchObject({ kind: 'ran', termination: { kind: 'signalled', signal: signals.SIGXCPU } });
  });
});

describe('a terminal', () => {
  const size = { rows: 11, columns: 77, widthPixels: 5, heightPixels: 6 };
  const on = (...descriptors: number[]): Partial<Streams> => ({
    terminals: [{ ...size, descriptors: descriptors.reduce((bits, one) => bits | (1 << one), 0) }],
  });

  const LOOK = `[ -t 0 ] && echo in; [ -t 1 ] && echo out; [ -t 2 ] && echo err; stty size <&1`;

  it('stands where the submit host has one, of that size', async () => {
    await using rig = await ShimRig.create();
    const { printed } = runToEnd(rig, ['022', '/', '/bin/sh', '-c', LOOK], { streams: on(1) });
    expect(await printed).toBe('out\n11 77\n');
  });

  it('that several streams share is one, and what is printed on it comes in order', async () => {
    await using rig = await ShimRig.create();
    const script = 'readlink /proc/self/fd/0 >&2; for i in 1 2 3; do echo out$i; echo err$i >&2; done';
    const { runner, printed } = runToEnd(rig, ['022', '/', '/bin/bash', '-c', script], { streams: on(0, 1, 2) });
    const errors: Buffer[] = [];
    runner.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
    expect(await printed).toBe('');
    expect(Buffer.concat(errors).toString()).toMatch(/^\/dev\/pts\/\d+\nout1\nerr1\nout2\nerr2\nout3\nerr3\n$/);
  });

  it('changes no byte', async () => {
    await using rig = await ShimRig.create();
    const script = `process.stdout.write(Buffer.from(Array.from({ length: 65536 }, (_, i) => i % 256)))`;
    const { printed } = runToEnd(rig, ['022', '/', process.execPath, '-e', script], { streams: on(1) });
    const wanted = Buffer.from(Array.from({ length: 65_536 }, (_, index) => index % 256)).toString('latin1');
    expect(await printed).toBe(wanted);
  });

  it('has ended where a job reads from it, as /dev/null', async () => {
    await using rig = await ShimRig.create();
    const { printed } = runToEnd(rig, ['022', '/', '/bin/sh', '-c', 'cat; echo read'], { streams: on(0) });
    expect(await printed).toBe('read\n');
  });

  it('is not the job’s controlling one: it gets no signals from it', async () => {
    await using rig = await ShimRig.create();
    const { printed } = runToEnd(rig, ['022', '/', '/bin/sh', '-c', 'cat /dev/tty; ps -o tty= -p $$'], {
      streams: on(1),
      command: ['setsid'],
    });
    expect(await printed).toMatch(/^\?\n$/);
  });

  it('takes all that is printed on it, however late the worker reads', async () => {
    await using rig = await ShimRig.create();
    const { runner, report } = run(rig, ['022', '/', '/bin/sh', '-c', 'head -c 1000000 /dev/zero'], { streams: on(1) });
    let bytes = 0;
    // It holds what came so far, and reads no more.
    await once(runner.stdout ?? runner, 'readable');
    runner.stdout?.on('data', (chunk: Buffer) => (bytes += chunk.length));
    expect(await report).toMatchObject({ kind: 'ran', termination: { code: 0 } });
    expect(bytes).toBe(1_000_000);
  });

  it('does not keep the runner when what the job left behind has it open', async () => {
    await using rig = await ShimRig.create();
    const { printed, report } = runToEnd(rig, ['022', '/', '/bin/sh', '-c', 'setsid sleep 600 2>/dev/null & echo $!'], {
      streams: on(1),
    });
    const left = Number(await printed);
    expect(await report).toMatchObject({ kind: 'ran' });
    process.kill(left);
  });

  it('that cannot be made is told', async () => {
    await using rig = await ShimRig.create();
    const { report } = run(rig, ['022', '/', '/bin/true'], {
      streams: on(1),
      command: ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /dev && exec "$@"', 'sh'],
    });
    expect(await report).toEqual({ kind: 'terminal-failed', errno: errno.ENOENT });
  });
});
