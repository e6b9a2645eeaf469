/** Without a dispatcher: the compilers of a -j100 take turns, and nothing else waits. */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { readdirSync, chmodSync, chownSync, mkdirSync, symlinkSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FakeCompilerCall } from '../../rig/shim-fake-compiler.ts';
import { ShimRig } from '../../rig/shim-rig.ts';

async function rigWithSlots(): Promise<ShimRig> {
  const rig = await ShimRig.create();
  rig.masqueradeAs('gcc');
  rig.fakeCompiler('gcc');
  return rig;
}

const env = { PMAKE_LOCAL_SLOTS: '2' };
/** A user who is not here. */
const STRANGER = 987_654;

/** Until the process waits for a slot: in flock(2), or in the sleep between two looks. */
async function blocked(pid: number): Promise<void> {
  for (;;) {
    const call = await readFile(`/proc/${pid}/syscall`, 'utf8').catch(() => '');
    // flock and clock_nanosleep: 73 and 230 on x86-64, 32 and 115 on aarch64.
    if (/^(73|230|32|115) /.test(call)) return;
    await new Promise(setImmediate);
  }
}

/** The path of the runtime directory, which was removed. */
function emptied(rig: ShimRig): string {
  rmSync(rig.runtime, { recursive: true });
  return rig.runtime;
}

describe('the local limit', () => {
  it('never lets more compilers run than there are slots, and all of them in the end', async () => {
    await using rig = await rigWithSlots();
    const shims = Array.from({ length: 12 }, () => rig.start('gcc', ['-c', 'a.c'], { env }));
    const calls = [await rig.calls.next(), await rig.calls.next()];
    const compiling = new Set(calls.map((call) => call.pid));
    await Promise.all(shims.filter(({ pid }) => !compiling.has(pid)).map(({ pid }) => blocked(pid)));
    for (let told = 0; told < shims.length; told += 1) {
      expect(rig.calls.arrived).toBeLessThanOrEqual(2 + told);
      calls.shift()?.exit(0);
      if (told + 2 < shims.length) calls.push(await rig.calls.next());
    }
    for (const { ended } of shims) expect((await ended).code).toBe(0);
    expect(readdirSync(join(rig.runtime, 'slots')).sort()).toEqual(['0', '1', 'queue']);
  });

  it.runIf(process.getuid?.() === 0)('holds where another user has the name of the runtime directory', async () => {
    await using rig = await rigWithSlots();
    const [session, home] = [join(rig.directory, 'session'), join(rig.directory, 'cache')];
    mkdirSync(join(session, 'pmake'), { recursive: true });
    chownSync(join(session, 'pmake'), STRANGER, STRANGER);
    mkdirSync(home);
    const squatted = { env: { ...env, PMAKE_RUNTIME_DIR: '', XDG_RUNTIME_DIR: session, XDG_CACHE_HOME: home } };
    const shims = Array.from({ length: 3 }, () => rig.start('gcc', ['-c', 'a.c'], squatted));
    const calls = [await rig.calls.next(), await rig.calls.next()];
    const waiting = shims.find(({ pid }) => calls.every((call) => call.pid !== pid));
    await blocked(waiting?.pid ?? 0);
    expect(rig.calls.arrived).toBe(2);
    for (const call of [...calls]) call.exit(0);
    (await rig.calls.next()).exit(0);
    for (const { ended } of shims) expect((await ended).code).toBe(0);
    expect(readdirSync(join(home, `pmake/run-${hostname()}/slots`)).sort()).toEqual(['0', '1', 'queue']);
  });

  it('looks at each part of a word, and at files that name themselves, once', async () => {
    await using rig = await rigWithSlots();
    writeFileSync(join(rig.work, 'self'), '@self '.repeat(1_000));
    const shim = rig.start('gcc', ['-c', 'a.c', `-x${'=-x'.repeat(60)}`, '@self'], { env });
    // One look for each way to cut it takes years.
    (await rig.calls.next()).exit(3);
    expect((await shim.ended).code).toBe(3);
  });

  it("gives a slot back when the compiler is killed, not when the shim's words say so", async () => {
    await using rig = await rigWithSlots();
    const one = { env: { PMAKE_LOCAL_SLOTS: '1' } };
    const first = rig.start('gcc', ['-c', 'a.c'], one);
    const call = await rig.calls.next();
    const second = rig.start('gcc', ['-S', 'b.c'], one);
    await blocked(second.pid);
    expect(rig.calls.arrivals.unclaimed).toBe(0);
    process.kill(call.pid, 'SIGKILL');
    await first.ended;
    (await rig.calls.next()).exit(0);
    expect((await second.ended).code).toBe(0);
  });

  it.each([
    [['-E', '-c', 'a.c']],
    [['-c', '-xc', '-']],
    [['-c', '/dev/stdin']],
    [['-S', 'a.c', '-o', '/dev/stdout']],
    [['-c', '/dev/fd/63']],
    [['a.o', '-o', 'program']],
    [['--version']],
  ])('does not hold %j: it may be one end of a pipeline', async (words) => {
    await using rig = await rigWithSlots();
    const one = { env: { PMAKE_LOCAL_SLOTS: '1' } };
    const holder = rig.start('gcc', ['-c', 'a.c', '-o', '/dev/null'], one);
    const held = await rig.calls.next();
    const free = rig.start('gcc', words, one);
    const call = await rig.calls.next();
    call.exit(0);
    held.exit(0);
    expect((await free.ended).code).toBe(0);
    expect((await holder.ended).code).toBe(0);
  });

  it.each([
    [['-c', 'fifo']],
    [['-c', 'to-fifo']],
    [['-c', 'a.c', '-o', 'fifo']],
    [['-c', 'a.c', '-ofifo']],
    [['-c', 'a.c', '-include', 'fifo']],
    [['-c', 'a.c', '-includefifo']],
    [['-c', 'a.c', '-include/dev/fd/63']],
    [['-c', 'a.c', '-MD', '-MFfifo']],
    [['-c', 'a.c', '-Wp,-MD,fifo']],
    [['-c', 'a.c', '-Wa,@fifo']],
    [['-c', 'a.c', '-specs=fifo']],
    [['-c', 'a.c', '-fplugin-arg-x-y=fifo']],
    [['-c', 'a.c', '@fifo']],
    [['-c', 'a.c', '@fifo.rsp']],
    [['-c', 'a.c', '@nested.rsp']],
    [['@stdin.rsp', '-c']],
  ])('does not hold %j, which name a FIFO or a descriptor', async (words) => {
    await using rig = await rigWithSlots();
    execFileSync('mkfifo', [join(rig.work, 'fifo')]);
    symlinkSync('fifo', join(rig.work, 'to-fifo'));
    writeFileSync(join(rig.work, 'fifo.rsp'), '-O2 -include "fifo"\n');
    writeFileSync(join(rig.work, 'nested.rsp'), "'@fifo.rsp'");
    writeFileSync(join(rig.work, 'stdin.rsp'), '-x c -\n');
    const one = { env: { PMAKE_LOCAL_SLOTS: '1' } };
    const holder = rig.start('gcc', ['-c', 'a.c'], one);
    const held = await rig.calls.next();
    const free = rig.start('gcc', words, one);
    (await rig.calls.next()).exit(0);
    held.exit(0);
    expect([(await free.ended).code, (await holder.ended).code]).toEqual([0, 0]);
  });

  it.each([
    [['-c', 'a.c', '-DX=fifo', '-Wfifo', '-ffifo', '-Iinc', '-MD', '-MFa.d', '-o', '/dev/null']],
    [['a.c', '@compile.rsp']],
  ])('holds %j: it ends by itself', async (words) => {
    await using rig = await rigWithSlots();
    execFileSync('mkfifo', [join(rig.work, 'fifo')]);
    writeFileSync(join(rig.work, 'compile.rsp'), '-O2 -c');
    const one = { env: { PMAKE_LOCAL_SLOTS: '1' } };
    const holder = rig.start('gcc', ['-c', 'a.c'], one);
    const held = await rig.calls.next();
    const second = rig.start('gcc', words, one);
    await blocked(second.pid);
    expect(rig.calls.arrivals.unclaimed).toBe(0);
    held.exit(0);
    (await rig.calls.next()).exit(0);
    expect([(await second.ended).code, (await holder.ended).code]).toEqual([0, 0]);
  });

  it.each<[string, (rig: ShimRig) => void]>([
    ['is readable by others', (rig) => chmodSync(rig.runtime, 0o750)],
    ['is a link', (rig) => symlinkSync(rig.work, emptied(rig))],
    ['cannot be made', (rig) => writeFileSync(emptied(rig), '')],
  ])('is off when the runtime directory %s: the compile matters more', async (_, spoil) => {
    await using rig = await rigWithSlots();
    spoil(rig);
    const shims = Array.from({ length: 3 }, () => rig.start('gcc', ['-c', 'a.c'], { env: { PMAKE_LOCAL_SLOTS: '1' } }));
    const calls: FakeCompilerCall[] = [];
    while (calls.length < shims.length) calls.push(await rig.calls.next());
    calls.forEach((call) => call.exit(0));
    for (const { ended } of shims) expect(await ended).toMatchObject({ code: 0, stderr: Buffer.alloc(0) });
  });
});
