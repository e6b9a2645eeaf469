/** What the shim tells the dispatcher: every byte of the call, whichever way it was called. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeInherited } from '../../../src/protocol/inherited.ts';
import { PLAIN_STREAMS } from '../../../src/protocol/streams.ts';
import { FakeDispatcher } from '../../rig/fake-dispatcher.ts';
import { ARE_SHIMS_SANITIZED, ShimRig } from '../../rig/shim-rig.ts';

const SHIMS = fileURLToPath(new URL('../../../shims', import.meta.url));

describe('the request', () => {
  it('carries name, program, cwd, umask, pid and words', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const cwd = join(rig.work, 'a b ü');
    mkdirSync(cwd);
    const words = ['-c', 'a b.c', '', '-DX="\'y\'"', 'ü.c', '-o', '-', '\n', '-DEMPTY='];
    // A session of its own: the one around the test may have its leader in a PID namespace that is not seen here.
    const shim = rig.start('/usr/bin/setsid', ['/bin/sh', '-c', 'umask 0137; exec gcc "$@"', 'sh', ...words], { cwd });
    const job = await dispatcher.nextJob();
    expect(job.request).toMatchObject({
      name: 'gcc',
      program: join(rig.bin, 'gcc'),
      cwd,
      umask: 0o137,
      pid: shim.pid,
      sessionId: shim.pid,
      argv: words,
      streams: PLAIN_STREAMS,
      isText: true,
    });
    job.exit(0);
    expect((await shim.ended).code).toBe(0);
  });

  it('keeps bytes that are not UTF-8, in words and in the environment', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const shim = rig.start('/bin/bash', ['-c', `export ODD=$'\\xfe\\n='; exec gcc -c $'\\xff\\x01.c' $'\\xc3'`]);
    const job = await dispatcher.nextJob();
    expect(job.words).toEqual([Buffer.from('-c'), Buffer.from('ff012e63', 'hex'), Buffer.from('c3', 'hex')]);
    expect(job.request.isText).toBe(false);
    expect(job.request.environment.includes(Buffer.from('\0ODD=\xfe\n=\0', 'latin1'))).toBe(true);
    job.exit(0);
    await shim.ended;
  });

  it('carries the environment entry by entry, as the compiler would have had it', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const env = { EMPTY: '', LINES: 'a\nb=c\n', MAKEFLAGS: ' -j4 --jobserver-auth=3,4', LONG: 'x'.repeat(100_000) };
    const shim = rig.start('gcc', ['-c', 'a.c'], { env });
    const job = await dispatcher.nextJob();
    // Less what is ours.
    const without = rig.environment({ ...env, PATH: `${rig.bin}:/usr/bin:/bin` });
    const wanted = Object.entries(without).map(([name, value]) => `${name}=${value}\0`);
    const sent = job.request.environment.toString();
    expect(sent.split('\0').sort().join('\0')).toBe(wanted.join('').split('\0').sort().join('\0'));
    job.exit(0);
    await shim.ended;
  });

  it.skipIf(ARE_SHIMS_SANITIZED)('carries limits, signals and personality', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const limits = ['St 77', 'Ht 99', 'f 4000000', 'd 5000000', 'Ss 1024', 'c 3', 'Sn 300', 'Hn 400', 'v 6000000'];
    const script = `trap '' INT PIPE CHLD HUP; ${limits.map((one) => `ulimit -${one}`).join('; ')}; exec gcc -c a.c`;
    const shim = rig.start('/usr/bin/setarch', ['-R', '/bin/bash', '-c', script]);
    const job = await dispatcher.nextJob();
    const { SIGHUP, SIGINT, SIGPIPE, SIGCHLD } = constants.signals;
    expect(decodeInherited(job.request.inherited)).toEqual({
      ignoredSignals: [SIGHUP, SIGINT, SIGPIPE, SIGCHLD].reduce((set, one) => set | (1n << BigInt(one - 1)), 0n),
      blockedSignals: 0n,
      personality: 0x4_0000,
      limits: {
        cpu: { soft: 77n, hard: 99n },
        fsize: { soft: 4_096_000_000n, hard: 4_096_000_000n },
        data: { soft: 5_120_000_000n, hard: 5_120_000_000n },
        stack: { soft: 1_048_576n, hard: expect.any(BigInt) as bigint },
        core: { soft: 3_072n, hard: 3_072n },
        nofile: { soft: 300n, hard: 400n },
        as: { soft: 6_144_000_000n, hard: 6_144_000_000n },
      },
    });
    job.exit(0);
    expect((await shim.ended).code).toBe(0);
  });

  it.each([
    ['exec gcc', { closed: 0, terminals: [{ descriptors: 0b111 }] }],
    ['exec gcc </dev/null', { closed: 0, terminals: [{ descriptors: 0b110 }] }],
    ['exec gcc | cat', { closed: 0, terminals: [{ descriptors: 0b101 }] }],
    ['exec gcc 2>/dev/null >&-', { closed: 0b010, terminals: [{ descriptors: 0b001 }] }],
    ['exec gcc <&- 2>&-', { closed: 0b101, terminals: [{ descriptors: 0b010 }] }],
    ['exec gcc </dev/null >/dev/null 2>&1', PLAIN_STREAMS],
    ['exec gcc <&- >&- 2>&-', { closed: 0b111, terminals: [] }],
    ['exec gcc >/dev/tty', { closed: 0, terminals: [{ descriptors: 0b101 }, { descriptors: 0b010 }] }],
  ])('tells what its streams are: %s', async (command, streams) => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const script = `stty rows 12 cols 34; ${command}`;
    const shim = rig.start('/usr/bin/script', ['-qefc', script, '/dev/null'], { env: { SHELL: '/bin/bash' } });
    const job = await dispatcher.nextJob();
    const size = { rows: 12, columns: 34, widthPixels: 0, heightPixels: 0 };
    expect(job.request.streams).toEqual({
      closed: streams.closed,
      terminals: streams.terminals.map((one) => ({ ...size, ...one })),
    });
    job.exit(0);
    await shim.ended;
  });

  it('carries 3,000 words and a megabyte in one of them', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('ld');
    rig.fakeCompiler('ld');
    // The kernel takes at most 128 KiB a word; eight of those make the megabyte.
    const words = Array.from({ length: 3_000 }, (_, index) =>
      index % 375 === 0 ? String(index).padEnd(130_000, 'w') : `drivers/net/object-${index}.o`,
    );
    const shim = rig.start('ld', words);
    const job = await dispatcher.nextJob();
    expect(job.request.argv).toEqual(words);
    job.exit(3);
    expect((await shim.ended).code).toBe(3);
  });

  it('is not made for more words than a dispatcher takes: they run here', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('ar');
    rig.fakeCompiler('ar');
    const shim = rig.start('/bin/sh', ['-c', 'exec ar $(seq 100001)']);
    const call = await rig.calls.next();
    expect(call.argv).toHaveLength(100_002);
    call.exit(0);
    expect((await shim.ended).code).toBe(0);
    expect(dispatcher.jobs.unclaimed).toBe(0);
  });
});

describe('the real program', () => {
  const forms: [called: string, words: string[], name: string, program: string, argv: string[]][] = [
    ['gcc', ['-c', 'a.c'], 'gcc', 'gcc', ['-c', 'a.c']],
    ['x86_64-linux-gnu-gcc-12', ['-c', 'a.c'], 'x86_64-linux-gnu-gcc-12', 'x86_64-linux-gnu-gcc-12', ['-c', 'a.c']],
    ['clang++-14', [], 'clang++-14', 'clang++-14', []],
    ['pcc', ['gcc', '-c', 'a.c'], 'gcc', 'gcc', ['-c', 'a.c']],
    ['pcc', ['BIN/gcc', '-c', 'a.c'], 'gcc', 'gcc', ['-c', 'a.c']],
    ['pcc', ['../bin/gcc', '-c', 'a.c'], 'gcc', '/../bin/gcc', ['-c', 'a.c']],
    ['pcc', ['pcc', 'gcc', '-c', 'a.c'], 'gcc', 'gcc', ['-c', 'a.c']],
    ['pcc', ['MASQUERADE/gcc', '-c', 'a.c'], 'gcc', 'gcc', ['-c', 'a.c']],
    ['pcc', ['-c', 'a.c'], 'cc', 'cc', ['-c', 'a.c']],
    ['pcc', ['a.c', '-o', 'gcc'], 'cc', 'cc', ['a.c', '-o', 'gcc']],
    ['pcc', ['tool.o', '-o', 'gcc'], 'cc', 'cc', ['tool.o', '-o', 'gcc']],
    ['pcc', ['no-such-program', 'a.c'], 'cc', 'cc', ['no-such-program', 'a.c']],
    ['pcc', [''], 'cc', 'cc', ['']],
    ['pcc', [], 'cc', 'cc', []],
    ['p++', ['-c', 'a.cc'], 'c++', 'c++', ['-c', 'a.cc']],
    ['p++', ['clang++-14', '-c', 'a.cc'], 'clang++-14', 'clang++-14', ['-c', 'a.cc']],
  ];

  it.each(forms)('called as %s %j is %s', async (called, words, name, program, argv) => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc', 'cc', 'x86_64-linux-gnu-gcc-12', 'clang++-14', 'pcc', 'p++');
    rig.fakeCompiler('gcc', 'cc', 'c++', 'x86_64-linux-gnu-gcc-12', 'clang++-14');
    rig.script('bin/tool.o', '#!/bin/sh\n');
    const given = words.map((word) => word.replace('BIN', rig.bin).replace('MASQUERADE', rig.masquerade));
    const shim = rig.start(called, given);
    const job = await dispatcher.nextJob();
    expect(job.request).toMatchObject({ name, argv });
    expect(job.request.program).toBe(program.startsWith('/') ? `${rig.work}${program}` : join(rig.bin, program));
    job.exit(0);
    await shim.ended;
  });

  it('is the first on PATH that is a program, and no shim by any link or copy, of whatever installation', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const elsewhere = (name: string): string => join(rig.directory, name);
    for (const name of ['directory/gcc', 'linked', 'other/shims', 'by-hand', 'copied']) {
      mkdirSync(elsewhere(name), { recursive: true });
    }
    rig.script('plain/gcc', '');
    // Another build of pcc, by another Node: other bytes.
    execFileSync('make', [
      '-s',
      '-C',
      SHIMS,
      `OUT=${elsewhere('other/shims')}`,
      'NODE=/other/node',
      'STATIC=',
      join(elsewhere('other/shims'), 'pcc'),
    ]);
    symlinkSync('../home/bin/gcc', join(elsewhere('linked'), 'gcc'));
    symlinkSync('../other/shims/pcc', join(elsewhere('by-hand'), 'gcc'));
    copyFileSync(elsewhere('other/shims/pcc'), join(elsewhere('copied'), 'gcc'));
    const directories = ['plain', 'directory', 'linked', 'by-hand', 'copied', 'nowhere', 'home/bin'].map(elsewhere);
    const shim = rig.start('/bin/sh', ['-c', 'chmod -x ../plain/gcc; exec gcc -c a.c'], {
      env: { PATH: `${directories.join(':')}:../bin:/bin` },
    });
    const job = await dispatcher.nextJob();
    expect(job.request.program).toBe(`${rig.work}/../bin/gcc`);
    job.exit(0);
    await shim.ended;
  });

  it('missing, is reported as a shell would, with what was looked for and where', async () => {
    await using rig = await ShimRig.create();
    rig.masqueradeAs('no-such-gcc');
    const ended = await rig.run('no-such-gcc', ['-c', 'a.c']);
    expect(ended.code).toBe(127);
    expect(ended.stderr.toString()).toMatch(/^no-such-gcc: command not found \(.*PATH=\/.*\)\n$/);
    expect(ended.stdout).toHaveLength(0);
  });

  it('is printed by pcc --pmake-which', async () => {
    await using rig = await ShimRig.create();
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    expect((await rig.run(rig.pcc, ['--pmake-which', 'gcc'])).stdout.toString()).toBe(`${rig.bin}/gcc\n`);
    expect((await rig.run(rig.pcc, ['--pmake-which', 'no-such-gcc'])).code).toBe(127);
  });
});
