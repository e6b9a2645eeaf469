/** Signals to a shim whose job runs elsewhere: they reach the job, and the shim never outlives them by much. */
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { FakeDispatcher } from '../../rig/fake-dispatcher.ts';
import { ShimRig } from '../../rig/shim-rig.ts';

const { signals } = constants;

describe('a signal to a waiting shim', () => {
  it.each(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const)(
    "%s is the job's, and the job's end is the shim's",
    async (signal) => {
      await using rig = await ShimRig.create();
      await using dispatcher = await FakeDispatcher.listen(rig.runtime);
      rig.masqueradeAs('gcc');
      rig.fakeCompiler('gcc');
      const shim = rig.start('gcc', ['-c', 'a.c']);
      const job = await dispatcher.nextJob();
      await job.shimWaits(shim.pid);
      shim.child.kill(signal);
      expect(await job.signals.next()).toBe(signals[signal]);
      job.output(2, 'interrupted\n');
      job.exit(3);
      const ended = await shim.ended;
      expect([ended.code, ended.signal, ended.stderr.toString()]).toEqual([3, null, 'interrupted\n']);
    },
  );

  it('ends it by that signal when no end of the job comes within 2 s', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const shim = rig.start('gcc', ['-c', 'a.c']);
    const job = await dispatcher.nextJob();
    await job.shimWaits(shim.pid);
    const sentAt = performance.now();
    shim.child.kill('SIGTERM');
    expect(await job.signals.next()).toBe(signals.SIGTERM);
    shim.child.kill('SIGINT');
    expect(await job.signals.next()).toBe(signals.SIGINT);
    job.output(1, 'half');
    expect(await shim.ended).toMatchObject({ code: null, signal: 'SIGTERM', stdout: Buffer.alloc(0) });
    await job.closed;
    const tookMs = performance.now() - sentAt;
    expect(tookMs).toBeGreaterThan(1_900);
    expect(tookMs).toBeLessThan(3_500);
  });

  it.each([
    ['to run here', 'runLocally'],
    ['nothing more', 'hangUp'],
  ] as const)('ends it at once when the dispatcher says %s', async (_, answer) => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const shim = rig.start('gcc', ['-c', 'a.c']);
    const job = await dispatcher.nextJob();
    await job.shimWaits(shim.pid);
    shim.child.kill('SIGINT');
    await job.signals.next();
    job[answer]();
    expect(await shim.ended).toMatchObject({ code: null, signal: 'SIGINT' });
    expect(rig.calls.arrivals.unclaimed).toBe(0);
  });

  it('reaches it through its process group, as Ctrl-C does', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const shell = rig.start('/usr/bin/setsid', ['/bin/sh', '-c', 'gcc -c a.c; echo never']);
    const job = await dispatcher.nextJob();
    await job.shimWaits(job.request.pid);
    process.kill(-shell.pid, 'SIGINT');
    expect(await job.signals.next()).toBe(signals.SIGINT);
    job.dieBy(signals.SIGINT);
    expect(await shell.ended).toMatchObject({ signal: 'SIGINT', stdout: Buffer.alloc(0) });
  });

  it('stays ignored when the caller ignored it, as under nohup', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const shim = rig.start('/bin/sh', ['-c', 'trap "" HUP; exec gcc -c a.c']);
    const job = await dispatcher.nextJob();
    await job.shimWaits(shim.pid);
    shim.child.kill('SIGHUP');
    shim.child.kill('SIGUSR1');
    expect(await job.signals.next()).toBe(signals.SIGUSR1);
    job.exit(0);
    expect((await shim.ended).code).toBe(0);
    expect(job.signals.unclaimed).toBe(0);
  });

  it('kill -9 closes the socket, and that is all the dispatcher needs', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const shim = rig.start('gcc', ['-c', 'a.c']);
    const job = await dispatcher.nextJob();
    shim.child.kill('SIGKILL');
    await job.closed;
    expect(await shim.ended).toMatchObject({ signal: 'SIGKILL' });
  });

  it('finds the default disposition again in a program that runs here', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const shim = rig.start('gcc', ['-c', 'a.c']);
    (await dispatcher.nextJob()).runLocally();
    await rig.calls.next();
    shim.child.kill('SIGTERM');
    expect(await shim.ended).toMatchObject({ signal: 'SIGTERM' });
  });
});
