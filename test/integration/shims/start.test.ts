/** How a shim, or pmake, starts the dispatcher: one, clean, and never at the build's expense. */
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  utimesSync,
  writeFileSync,
  mkdirSync,
  chmodSync,
  rmSync,
  rmdirSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { FakeDaemons } from '../../rig/shim-fake-daemon.ts';
import { ShimRig } from '../../rig/shim-rig.ts';

async function rigWithCompiler(): Promise<ShimRig> {
  const rig = await ShimRig.create();
  rig.masqueradeAs('gcc');
  rig.fakeCompiler('gcc');
  return rig;
}

function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
}

describe('the first shim', () => {
  it('starts one dispatcher for twenty, and all of them use it', async () => {
    await using rig = await rigWithCompiler();
    await using daemons = await FakeDaemons.install(rig);
    const shims = Array.from({ length: 20 }, () => rig.start('gcc', ['-c', 'a.c'], { env: daemons.env }));
    const daemon = await daemons.started.next();
    daemon.order('ready');
    for (const shim of shims) expect(await shim.ended).toMatchObject({ code: 7, stderr: Buffer.alloc(0) });
    expect(daemons.count).toBe(1);
    expect(rig.calls.arrived).toBe(0);
  });

  it('leaves nothing of the build in the dispatcher: no fd, no jobserver, no terminal, no directory', async () => {
    await using rig = await rigWithCompiler();
    await using daemons = await FakeDaemons.install(rig);
    const env = {
      ...daemons.env,
      MAKEFLAGS: ' -j4 --jobserver-auth=3,4',
      MFLAGS: '-j4',
      GNUMAKEFLAGS: 'x',
      MAKELEVEL: '2',
      MAKE_TERMOUT: '/dev/pts/0',
      MAKE_TERMERR: '/dev/pts/0',
      LD_PRELOAD: '',
      NODE_EXTRA_CA_CERTS: '/dev/null',
      // Any of them would keep it from starting, or open a port.
      NODE_OPTIONS: '--require=/no/such/file --inspect=0',
      NODE_CHANNEL_FD: '3',
      NODE_V8_COVERAGE: '/no/such/directory',
      UV_THREADPOOL_SIZE: '0',
      OPENSSL_CONF: '/no/such/file',
      OTHER: 'kept',
      NODENV_VERSION: 'kept',
    };
    const shim = rig.start('/bin/bash', ['-c', 'umask 0; exec 3</etc/passwd 5>x 77>y; exec gcc -c a.c'], { env });
    const daemon = await daemons.started.next();
    const { hello } = daemon;
    daemon.order('ready');
    expect((await shim.ended).code).toBe(7);
    expect(hello.session).not.toBe(hello.pid);
    expect(hello.session).not.toBe(Number(readFileSync('/proc/self/stat', 'utf8').replace(/.*\) /s, '').split(' ')[3]));
    expect(hello).toMatchObject({ cwd: '/', umask: '0077' });
    expect(hello.argv[1]).toBe(join(rig.directory, 'cli/dispatcher.cjs'));
    expect(hello.fds).toMatchObject({
      0: '/dev/null',
      1: `${rig.runtime}/dispatcher.log`,
      2: `${rig.runtime}/dispatcher.log`,
    });
    expect(hello.fds[3]).toMatch(/^pipe:/);
    const strange = Object.values(hello.fds).filter(
      (target) => target.startsWith(rig.work) || target === '/etc/passwd',
    );
    expect(strange).toEqual([]);
    expect(hello.fds[4]).toBe(`${rig.runtime}/dispatcher.start`);
    const { PMAKE_READY_FD, PMAKE_START_LOCK_FD, PMAKE_RUNTIME_DIR, OTHER, ...rest } = hello.env;
    expect([PMAKE_READY_FD, PMAKE_START_LOCK_FD, PMAKE_RUNTIME_DIR, OTHER]).toEqual(['3', '4', rig.runtime, 'kept']);
    expect(Object.keys(rest).filter((name) => /MAKE|MFLAGS|PRELOAD|^NODE_|^UV_|OPENSSL/.test(name))).toEqual([]);
    expect(rest.NODENV_VERSION).toBe('kept');
    expect(statSync(join(rig.runtime, 'dispatcher.log')).mode & 0o777).toBe(0o600);
  });

  it('runs its command here when the dispatcher ends at once, and no shim tries again for a while', async () => {
    await using rig = await rigWithCompiler();
    await using daemons = await FakeDaemons.install(rig);
    const first = rig.start('gcc', ['-c', 'a.c'], { env: daemons.env });
    (await daemons.started.next()).order('exit');
    (await rig.calls.next()).exit(0);
    const second = rig.start('gcc', ['-c', 'a.c'], { env: daemons.env });
    (await rig.calls.next()).exit(0);
    for (const shim of [first, second]) expect(await shim.ended).toMatchObject({ code: 0, stderr: Buffer.alloc(0) });
    expect(daemons.count).toBe(1);

    const longAgo = Date.now() / 1000 - 31;
    utimesSync(join(rig.runtime, 'dispatcher.failed'), longAgo, longAgo);
    const third = rig.start('gcc', ['-c', 'a.c'], { env: daemons.env });
    (await daemons.started.next()).order('ready');
    expect((await third.ended).code).toBe(7);
    expect(existsSync(join(rig.runtime, 'dispatcher.failed'))).toBe(false);
  });

  it('waits until one that hangs has stood still for 5 s, ends it, and runs its command here; those that waited too', async () => {
    await using rig = await rigWithCompiler();
    await using daemons = await FakeDaemons.install(rig);
    const shims = Array.from({ length: 4 }, () => rig.start('gcc', ['a.c'], { env: daemons.env }));
    const daemon = await daemons.started.next();
    for (const { ended } of shims) {
      (await rig.calls.next()).exit(0);
      void ended;
    }
    for (const { ended } of shims) expect((await ended).code).toBe(0);
    await daemon.ended;
    expect(daemons.count).toBe(1);
  });

  it('waits longer for one that is at work, on a machine too busy to give it its time', async () => {
    await using rig = await rigWithCompiler();
    await using daemons = await FakeDaemons.install(rig);
    const shim = rig.start('gcc', ['-c', 'a.c'], { env: daemons.env });
    (await daemons.started.next()).order('slow');
    expect((await shim.ended).code).toBe(7);
  });

  it('runs its command here at once when the program is not there at all', async () => {
    await using rig = await rigWithCompiler();
    const shim = rig.start('gcc', ['-c', 'a.c']);
    (await rig.calls.next()).exit(0);
    expect(await shim.ended).toMatchObject({ code: 0, stderr: Buffer.alloc(0) });
  });

  it('starts no second one when the first was killed before its dispatcher listened', async () => {
    await using rig = await rigWithCompiler();
    await using daemons = await FakeDaemons.install(rig);
    const first = rig.start(rig.pcc, ['--pmake-start-dispatcher'], { env: daemons.env });
    const daemon = await daemons.started.next();
    first.child.kill('SIGKILL');
    await first.ended;
    const second = rig.start('gcc', ['-c', 'a.c'], { env: daemons.env });
    await vi.waitFor(() => expect(openFiles(second.pid)).toContain(join(rig.runtime, 'dispatcher.start')));
    daemon.order('ready');
    expect((await second.ended).code).toBe(7);
    expect(daemons.count).toBe(1);
  });

  it('starts another one when the last left its socket behind', async () => {
    await using rig = await rigWithCompiler();
    await using daemons = await FakeDaemons.install(rig);
    const first = rig.start('gcc', ['-c', 'a.c'], { env: daemons.env });
    const one = await daemons.started.next();
    one.order('ready');
    await first.ended;
    process.kill(one.hello.pid, 'SIGKILL');
    await one.ended;
    expect(existsSync(join(rig.runtime, 'dispatcher.sock'))).toBe(true);
    const second = rig.start('gcc', ['-c', 'a.c'], { env: daemons.env });
    const two = await daemons.started.next();
    rmSync(join(rig.runtime, 'dispatcher.sock'));
    two.order('ready');
    expect((await second.ended).code).toBe(7);
  });

  it('cuts a log of more than 1 MiB', async () => {
    await using rig = await rigWithCompiler();
    await using daemons = await FakeDaemons.install(rig);
    const log = join(rig.runtime, 'dispatcher.log');
    writeFileSync(log, Buffer.alloc(1024 * 1024 + 1), { mode: 0o600 });
    const shim = rig.start('gcc', ['-c', 'a.c'], { env: daemons.env });
    (await daemons.started.next()).order('ready');
    await shim.ended;
    expect(statSync(log).size).toBe(0);
  });
});

describe('pcc --pmake-start-dispatcher', () => {
  it('succeeds when it has started one and when one runs, and says why when not', async () => {
    await using rig = await ShimRig.create();
    await using daemons = await FakeDaemons.install(rig);
    const start = (): ReturnType<ShimRig['start']> =>
      rig.start(rig.pcc, ['--pmake-start-dispatcher'], { env: daemons.env });

    const failing = start();
    (await daemons.started.next()).order('exit');
    const failed = await failing.ended;
    expect(failed.code).toBe(1);
    expect(failed.stderr.toString()).toBe(
      `pmake: no dispatcher: it ended before it was ready; see ${rig.runtime}/dispatcher.log\n`,
    );

    const lying = start();
    (await daemons.started.next()).order('byte');
    expect((await lying.ended).stderr.toString()).toContain('does not listen');

    const good = start();
    (await daemons.started.next()).order('ready');
    expect(await good.ended).toMatchObject({ code: 0, stderr: Buffer.alloc(0), stdout: Buffer.alloc(0) });
    expect((await start().ended).code).toBe(0);
    expect(daemons.count).toBe(3);
  });

  it('names a runtime directory that is not private, and starts nothing', async () => {
    await using rig = await ShimRig.create();
    await using daemons = await FakeDaemons.install(rig);
    chmodSync(rig.runtime, 0o755);
    const ended = await rig.run(rig.pcc, ['--pmake-start-dispatcher'], { env: daemons.env });
    expect(ended.code).toBe(1);
    expect(ended.stderr.toString()).toMatch(/^pmake: no dispatcher: .*0700.*\n$/);
    expect(daemons.count).toBe(0);
  });

  it("says so when its socket's path would be too long", async () => {
    await using rig = await ShimRig.create();
    const deep = join(rig.directory, 'd'.repeat(120));
    const ended = await rig.run(rig.pcc, ['--pmake-start-dispatcher'], { env: { PMAKE_RUNTIME_DIR: deep } });
    expect([ended.code, ended.stderr.toString().includes('too long')]).toEqual([1, true]);
  });
});

describe('a dispatcher that has not read the request after ten seconds', () => {
  it.concurrent('is stuck when it stands still: the command runs here', async () => {
    await using rig = await rigWithCompiler();
    await using daemons = await FakeDaemons.install(rig);
    const shim = rig.start('gcc', ['-c', 'a.c'], { env: daemons.env });
    const daemon = await daemons.started.next();
    try {
      daemon.order('still');
      (await rig.calls.next()).exit(6);
      expect(await shim.ended).toMatchObject({ code: 6, stderr: Buffer.alloc(0) });
    } finally {
      process.kill(daemon.hello.pid, 'SIGKILL');
    }
  });

  it.concurrent('is waited for when it works', async () => {
    await using rig = await rigWithCompiler();
    await using daemons = await FakeDaemons.install(rig);
    const shim = rig.start('gcc', ['-c', 'a.c'], { env: daemons.env });
    (await daemons.started.next()).order('busy');
    expect((await shim.ended).code).toBe(7);
    expect(rig.calls.arrived).toBe(0);
  });
});

describe('the runtime directory', () => {
  const uid = process.geteuid?.() ?? 0;

  async function runtimeOf(env: object, prepare: (rig: ShimRig) => void): Promise<string> {
    await using rig = await ShimRig.create();
    prepare(rig);
    const given = JSON.parse(JSON.stringify(env).replaceAll('RIG', rig.directory)) as Record<string, string>;
    const all = { PMAKE_RUNTIME_DIR: undefined, ...given };
    const ended = await rig.run(rig.pcc, ['--pmake-runtime-dir'], { env: all });
    return (ended.code === 0 ? ended.stdout : ended.stderr).toString().replace(rig.directory, 'RIG').trim();
  }

  it.each([
    ['PMAKE_RUNTIME_DIR before all', { PMAKE_RUNTIME_DIR: 'RIG/mine', XDG_RUNTIME_DIR: 'RIG/xdg' }, 'RIG/mine'],
    ['XDG_RUNTIME_DIR/pmake', { XDG_RUNTIME_DIR: 'RIG/xdg' }, 'RIG/xdg/pmake'],
    ['/tmp when XDG_RUNTIME_DIR is not there', { XDG_RUNTIME_DIR: 'RIG/no' }, `/tmp/pmake-${uid}`],
    ['/tmp when XDG_RUNTIME_DIR is relative', { XDG_RUNTIME_DIR: '.' }, `/tmp/pmake-${uid}`],
    ['/tmp when nothing is set', { PMAKE_RUNTIME_DIR: '' }, `/tmp/pmake-${uid}`],
  ])('is %s', async (_, env, wanted) => {
    const wasThere = existsSync(wanted);
    const prepare = (rig: ShimRig): void => mkdirSync(join(rig.directory, 'xdg'));
    expect(await runtimeOf(env, prepare)).toBe(wanted);
    if (wanted.startsWith('/tmp') && !wasThere) rmdirSync(wanted);
  });

  it.each([
    ['relative', { PMAKE_RUNTIME_DIR: 'runtime' }, 'cannot be used'],
    ['open to the group, and chosen', { PMAKE_RUNTIME_DIR: 'RIG/xdg/pmake' }, 'cannot be used'],
    ['open to the group', { XDG_RUNTIME_DIR: 'RIG/xdg' }, `RIG/.cache/pmake/run-${hostname()}`],
  ])('is not used when it is %s', async (_, env, instead) => {
    const spoil = (rig: ShimRig): void => {
      mkdirSync(join(rig.directory, 'xdg/pmake'), { recursive: true });
      chmodSync(join(rig.directory, 'xdg/pmake'), 0o770);
    };
    expect(await runtimeOf(env, spoil)).toContain(instead);
  });
});
