/** A shim under limits that leave little: it still asks, tells, and gets out of its program's way. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeDispatcher } from '../../rig/fake-dispatcher.ts';
import type { FakeCompilerCall } from '../../rig/shim-fake-compiler.ts';
import { FakeDaemons } from '../../rig/shim-fake-daemon.ts';
import { ShimRig, type RunningShim } from '../../rig/shim-rig.ts';

async function rigWithCompiler(): Promise<ShimRig> {
  const rig = await ShimRig.create();
  rig.masqueradeAs('gcc');
  rig.fakeCompiler('gcc');
  return rig;
}

/** `limits`: what bash does before it becomes the shim. */
function startUnder(rig: ShimRig, limits: string, env: Record<string, string> = {}): RunningShim {
  return rig.start('/bin/bash', ['-c', `${limits}; exec gcc -c a.c`], { env });
}

/** A compiled program that becomes a shell with this script: a script is called at once, without a dispatcher. */
function shellProgram(rig: ShimRig, path: string, script: string): void {
  const words = `"sh", "-c", ${JSON.stringify(script)}, "sh"`;
  rig.program(path, `#include <unistd.h>\nint main(void) { execl("/bin/sh", ${words}, (char *)0); return 127; }\n`);
}

/** Of the shim's connection, as common.h has it. */
const HIGH_FD = '64';

function descriptorsOf(call: FakeCompilerCall): string[] {
  return readdirSync(`/proc/${call.pid}/fd`);
}

const LITTLE = ['ulimit -n 10', 'ulimit -Sn 10', 'ulimit -v 20000', 'ulimit -d 2000', 'ulimit -s 256', 'ulimit -f 0'];

describe('under small limits', () => {
  it.each(LITTLE)('%s: a job that runs elsewhere ends here as it ended there', async (limits) => {
    await using rig = await rigWithCompiler();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    const shim = startUnder(rig, limits);
    const job = await dispatcher.nextJob();
    const text = 'a warning\n'.repeat(10_000);
    job.node('n1');
    job.output(2, text);
    job.exit(3);
    expect(await shim.ended).toMatchObject({ code: 3, stderr: Buffer.from(text) });
  });

  it.each(['ulimit -v 20000', 'ulimit -d 20000', 'ulimit -f 0', 'ulimit -Sv 20000'])(
    '%s: one that runs here does so',
    async (limits) => {
      await using rig = await rigWithCompiler();
      await using dispatcher = await FakeDispatcher.listen(rig.runtime);
      const shim = startUnder(rig, limits);
      (await dispatcher.nextJob()).runLocally();
      (await rig.calls.next()).exit(4);
      expect((await shim.ended).code).toBe(4);
    },
  );

  it('leaves its program every descriptor where there may be no more than a few', async () => {
    await using rig = await rigWithCompiler();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    shellProgram(rig, 'bin/gcc', 'ls /proc/$$/fd; ulimit -n');
    const direct = await rig.run('/bin/bash', ['-c', `ulimit -n 20; exec ${rig.bin}/gcc -c a.c`]);
    const shim = startUnder(rig, 'ulimit -n 20');
    (await dispatcher.nextJob()).runLocally();
    expect((await shim.ended).stdout.toString()).toBe(direct.stdout.toString());
  });

  it('is counted as long as its program runs where only the soft limit is small', async () => {
    await using rig = await rigWithCompiler();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    // The fake compiler's connection to the test has number 200.
    shellProgram(rig, 'bin/gcc', 'ulimit -Sn >limit; ulimit -Sn 300; exec ../bin/real');
    rig.fakeCompiler('real');
    const direct = rig.start('/bin/bash', ['-c', `exec ${rig.bin}/gcc`]);
    const alone = await rig.calls.next();
    const shim = startUnder(rig, 'ulimit -Sn 20');
    const job = await dispatcher.nextJob();
    job.runLocally();
    const call = await rig.calls.next();
    expect(job.isClosed).toBe(false);
    expect(new Set(descriptorsOf(call))).toEqual(new Set([...descriptorsOf(alone), HIGH_FD]));
    expect(readFileSync(join(rig.work, 'limit'), 'utf8')).toBe('20\n');
    for (const one of [alone, call]) one.exit(0);
    for (const one of [direct, shim]) expect((await one.ended).code).toBe(0);
    await job.closed;
  });
});

describe('the dispatcher', () => {
  it.each([
    'ulimit -v 600000',
    'ulimit -t 100',
    'ulimit -f 1000',
    'ulimit -n 100',
    'ulimit -d 100000',
    'ulimit -s 512',
  ])('is not started under %s, where it could not live, and nothing is said', async (limits) => {
    await using rig = await rigWithCompiler();
    await using daemons = await FakeDaemons.install(rig);
    const script = `${limits}; exec gcc -c a.c`;
    rig.script('bin/gcc', '#!/bin/sh\nexit 5\n');
    const ended = await rig.run('/bin/bash', ['-c', script], { env: daemons.env });
    expect(ended).toMatchObject({ code: 5, stderr: Buffer.alloc(0) });
    expect(daemons.count).toBe(0);
    // Another shell may start it at once.
    expect(existsSync(join(rig.runtime, 'dispatcher.failed'))).toBe(false);
  });

  it('says so when it is asked for', async () => {
    await using rig = await rigWithCompiler();
    const script = `ulimit -v 600000; exec ${rig.pcc} --pmake-start-dispatcher`;
    const ended = await rig.run('/bin/bash', ['-c', script]);
    expect(ended.code).toBe(1);
    expect(ended.stderr.toString()).toContain('the hard resource limits of this shell (ulimit -Ha) are too low for it');
  });

  it('has none of the soft limits of the shell that starts it', async () => {
    await using rig = await rigWithCompiler();
    await using daemons = await FakeDaemons.install(rig);
    const shim = startUnder(rig, 'ulimit -Sv 600000 -St 10 -Sf 100 -Sd 100000 -Sn 20', daemons.env);
    const daemon = await daemons.started.next();
    const limits = readFileSync(`/proc/${daemon.hello.pid}/limits`, 'utf8');
    for (const name of ['cpu time', 'file size', 'data size', 'address space', 'open files']) {
      const [, soft, hard] = new RegExp(`^Max ${name} +(\\w+) +(\\w+)`, 'm').exec(limits) ?? [];
      expect({ name, soft }).toEqual({ name, soft: hard });
    }
    daemon.order('ready');
    await shim.ended;
  });
});
