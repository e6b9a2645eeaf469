import { execFileSync } from 'node:child_process';
/** What the shim makes of the dispatcher's answers: the job's output, end and place, exactly once. */
import { openSync, closeSync, readFileSync } from 'node:fs';
import { constants, getPriority } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../../src/protocol/frame.ts';
import { encodeOutput, encodeTermination } from '../../../src/protocol/shim.ts';
import { FakeDispatcher, type FakeJob } from '../../rig/fake-dispatcher.ts';
import { ShimRig, type Ended, type RunningShim, type ShimOptions } from '../../rig/shim-rig.ts';

interface Scene extends AsyncDisposable {
  readonly rig: ShimRig;
  readonly dispatcher: FakeDispatcher;
}

async function scene(): Promise<Scene> {
  const rig = await ShimRig.create();
  const dispatcher = await FakeDispatcher.listen(rig.runtime);
  rig.masqueradeAs('gcc');
  rig.fakeCompiler('gcc');
  return {
    rig,
    dispatcher,
    async [Symbol.asyncDispose]() {
      await dispatcher[Symbol.asyncDispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

async function startJob(at: Scene, options: ShimOptions = {}): Promise<{ shim: RunningShim; job: FakeJob }> {
  const shim = at.rig.start('gcc', ['-c', 'a.c'], options);
  return { shim, job: await at.dispatcher.nextJob() };
}

describe('a job that ran on a node', () => {
  it.each([0, 1, 4, 127, 255])('exits with its code %i', async (code) => {
    await using at = await scene();
    const { shim, job } = await startJob(at);
    job.exit(code);
    expect(await shim.ended).toMatchObject({ code, signal: null });
  });

  it.each(['SIGSEGV', 'SIGKILL', 'SIGTERM', 'SIGABRT', 'SIGINT', 'SIGPIPE'] as const)(
    'dies by its %s',
    async (signal) => {
      await using at = await scene();
      const { shim, job } = await startJob(at);
      job.dieBy(constants.signals[signal]);
      expect(await shim.ended).toMatchObject({ code: null, signal });
    },
  );

  it('prints nothing before the end, and then everything in its order', async () => {
    await using at = await scene();
    // One file for both streams, as in `make 2>&1`: their order shows.
    const path = join(at.rig.work, 'log');
    const log = openSync(path, 'a');
    const { shim, job } = await startJob(at, { stdio: ['ignore', log, log] });
    closeSync(log);
    const parts = ['1 out\n', '2 err\n', '3 err\n', '4 out\n', '5 err'];
    parts.forEach((part) => job.output(part.includes('out') ? 1 : 2, part));
    job.node('n2');
    // The shim has read what came before this, or it could not show the node.
    await titleOf(shim.pid, 'pcc[n2]');
    expect(readFileSync(path, 'utf8')).toBe('');
    job.exit(0);
    await shim.ended;
    expect(readFileSync(path, 'utf8')).toBe(parts.join(''));
  });

  it('prints megabytes whole, cut into frames and packets in any way', async () => {
    await using at = await scene();
    const { shim, job } = await startJob(at);
    const out = Buffer.alloc(5_000_000, 'stdout line\n');
    const err = Buffer.alloc(300_001, 'warning: é\n');
    const frames: Buffer[] = [];
    for (let start = 0; start < out.length; start += 700_001)
      frames.push(encodeOutput(1, out.subarray(start, start + 700_001)));
    frames.push(encodeOutput(2, err), encodeOutput(1, Buffer.alloc(0)), encodeTermination({ kind: 'exited', code: 9 }));
    const stream = Buffer.concat(frames);
    for (let start = 0; start < stream.length; start += 65_521) job.raw(stream.subarray(start, start + 65_521));
    const ended = await shim.ended;
    expect(ended.code).toBe(9);
    expect(ended.stdout.equals(out) && ended.stderr.equals(err)).toBe(true);
  });

  it('keeps its status when its output is not read', async () => {
    await using at = await scene();
    const { shim, job } = await startJob(at, { stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'] });
    job.output(1, 'lost');
    job.output(2, 'seen');
    job.exit(5);
    const ended = await shim.ended;
    expect([ended.code, ended.stderr.toString()]).toEqual([5, 'seen']);
  });

  it('shows its node in ps', async () => {
    await using at = await scene();
    const { shim, job } = await startJob(at);
    job.node('n2');
    expect(await titleOf(shim.pid, 'pcc[n2]')).toBe('pcc[n2] gcc -c a.c');
    expect(readFileSync(`/proc/${shim.pid}/comm`, 'utf8')).toBe('pcc[n2]\n');
    job.node('other');
    expect(await titleOf(shim.pid, 'pcc[other]')).toBe('pcc[other] gcc -c a.c');
    job.exit(0);
    await shim.ended;
  });
});

describe('a job that is to run here', () => {
  async function expectRunsHere(at: Scene, shim: RunningShim): Promise<Ended> {
    const call = await at.rig.calls.next();
    expect(call.words).toEqual(['gcc', '-c', 'a.c']);
    expect(call.pid).toBe(shim.pid);
    expect(call.cwd).toBe(at.rig.work);
    call.print(1, 'from here\n');
    call.exit(6);
    const ended = await shim.ended;
    expect([ended.code, ended.stdout.toString(), ended.stderr.toString()]).toEqual([6, 'from here\n', '']);
    expect(at.rig.calls.arrivals.unclaimed).toBe(0);
    return ended;
  }

  it('becomes the real program by its full path, and frees its slot at the very end', async () => {
    await using at = await scene();
    const { shim, job } = await startJob(at);
    job.runLocally();
    const call = await at.rig.calls.next();
    expect(call.words).toEqual(['gcc', '-c', 'a.c']);
    expect(call.pid).toBe(shim.pid);
    // Whatever the compiler does meanwhile, the socket stays.
    call.shell(`echo done > ${at.rig.work}/marker`);
    call.exit(6);
    await job.closed;
    expect(readFileSync(join(at.rig.work, 'marker'), 'utf8')).toBe('done\n');
    expect((await shim.ended).code).toBe(6);
  });

  it('holds its slot for as long as the compiler runs', async () => {
    await using at = await scene();
    const { shim, job } = await startJob(at);
    job.runLocally();
    const call = await at.rig.calls.next();
    call.print(1, 'x');
    await new Promise((seen) => shim.child.stdout?.once('data', seen));
    expect(job.isClosed).toBe(false);
    call.exit(0);
    await job.closed;
  });

  it.each([
    ['as nice as the shim', undefined, 0],
    ['nicer', 5, 5],
    ['not at all nicer by what is no niceness', 200, 0],
  ])('is %s', async (_how, niceness, more) => {
    await using at = await scene();
    const { shim, job } = await startJob(at);
    job.runLocally(niceness);
    const call = await at.rig.calls.next();
    expect(getPriority(shim.pid) - getPriority()).toBe(more);
    call.exit(0);
    await shim.ended;
  });

  it('has the umask and environment it came with, and the guard', async () => {
    await using at = await scene();
    at.rig.start('/bin/sh', ['-c', 'umask 0137; exec gcc -c a.c'], { env: { A: 'b' } });
    (await at.dispatcher.nextJob()).runLocally();
    const call = await at.rig.calls.next();
    expect(call.umask).toBe(0o137);
    const env = new Map(call.env);
    expect(env.get('_PMAKE_GUARD')).toBe(`1:${call.pid}:p:${at.rig.bin}/gcc`);
    // The shell's own.
    for (const name of ['_PMAKE_GUARD', 'PWD', 'OLDPWD', 'SHLVL', '_']) env.delete(name);
    // And without our directory, where the compiler would look for itself.
    expect(Object.fromEntries(env)).toEqual(at.rig.environment({ A: 'b', PATH: `${at.rig.bin}:/usr/bin:/bin` }));
    call.exit(0);
  });

  it('leaves no low fd to the compiler: gcc would take it for the jobserver of MAKEFLAGS', async () => {
    await using at = await scene();
    const { shim, job } = await startJob(at);
    job.runLocally();
    const call = await at.rig.calls.next();
    call.shell(`ls /proc/${call.pid}/fd > ${at.rig.work}/fds`);
    call.exit(0);
    await shim.ended;
    const fdsIn = (listing: string) => listing.trim().split('\n').map(Number);
    const fds = fdsIn(readFileSync(join(at.rig.work, 'fds'), 'utf8'));
    // What the one who runs the tests had open reaches every process.
    const inherited = fdsIn(execFileSync('sh', ['-c', 'ls /proc/$$/fd'], { encoding: 'utf8' }));
    expect(fds.filter((fd) => fd > 2 && fd < 64 && !inherited.includes(fd))).toEqual([]);
    expect(fds.filter((fd) => fd >= 64 && fd < 200)).toHaveLength(1);
  });

  it.each<[string, (job: FakeJob) => void]>([
    ['refuses', (job) => job.refuse()],
    ['speaks a later language', (job) => job.raw(encodeFrame(0x7f, Buffer.from('what')))],
    ['sends a frame of no length', (job) => job.raw(Buffer.alloc(4))],
    ['sends a frame of 4 GiB', (job) => job.raw(Buffer.alloc(4, 0xff))],
    ['sends output for fd 3', (job) => job.raw(encodeFrame(0x12, Buffer.from('\x03abc')))],
    ['sends an end without a code', (job) => job.raw(encodeFrame(0x13, Buffer.alloc(0)))],
    ['hangs up', (job) => job.hangUp()],
    ['hangs up within a frame', (job) => job.hangUp(encodeOutput(1, Buffer.from('lost')).subarray(0, 7))],
    ['hangs up after output', (job) => job.hangUp(encodeOutput(1, Buffer.from('lost')))],
  ])('runs once, and prints once, when the dispatcher %s', async (_, answer) => {
    await using at = await scene();
    const { shim, job } = await startJob(at);
    answer(job);
    await expectRunsHere(at, shim);
  });

  it.concurrent('waits as long as it takes for one that has read the request', async () => {
    await using at = await scene();
    const { shim, job } = await startJob(at);
    await asleepWithoutLimit(shim.pid);
    job.exit(2);
    expect((await shim.ended).code).toBe(2);
  });

  it('waits until a lost node must have given it up', async () => {
    await using at = await scene();
    const { shim, job } = await startJob(at);
    job.node('n2');
    job.output(1, 'lost');
    job.hangUp();
    await job.closed;
    const lostAt = performance.now();
    await expectRunsHere(at, shim);
    expect(performance.now() - lostAt).toBeGreaterThan(1_000);
  });

  it('runs its own words even after the title was rewritten', async () => {
    await using at = await scene();
    const { shim, job } = await startJob(at, { env: { KEEP: 'me' } });
    job.node('a-node-with-a-name-that-is-longer-than-the-whole-command-line-of-this-job');
    job.runLocally();
    const call = await at.rig.calls.next();
    expect(call.words).toEqual(['gcc', '-c', 'a.c']);
    expect(call.env.get('KEEP')).toBe('me');
    call.exit(0);
    await shim.ended;
  });
});

/** Until the process sleeps in ppoll(2) without a time limit: it has looked whether the request was read. */
async function asleepWithoutLimit(pid: number): Promise<void> {
  for (;;) {
    const [call, , , limit] = readFileSync(`/proc/${pid}/syscall`, 'utf8').split(' ');
    // 271: ppoll on x86-64; 73 on aarch64.
    if ((call === '271' || call === '73') && limit === '0x0') return;
    await new Promise(setImmediate);
  }
}

/** The title, once it begins as wanted. The kernel does not announce the change, so this polls. */
async function titleOf(pid: number, start: string): Promise<string> {
  for (;;) {
    const title = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replace(/\0+$/, '');
    if (title.startsWith(start)) return title;
    await new Promise(setImmediate);
  }
}
