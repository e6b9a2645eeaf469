/** The preload library and the real shim: what the dispatcher and the compiler get of a call by full path. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FakeDispatcher } from '../../rig/fake-dispatcher.ts';
import { ShimRig } from '../../rig/shim-rig.ts';

const SHIMS = fileURLToPath(new URL('../../../shims', import.meta.url));
const PRELOAD = fileURLToPath(new URL('../../../dist/shims/preload', import.meta.url));
const LIBRARY = '$LIB/pmake-preload.so';
/** It is there wherever the C library is. */
const USERS = 'libm.so.6';

/** A home for the shims with the library in it. */
async function createRig(): Promise<ShimRig> {
  const rig = await ShimRig.create();
  symlinkSync(PRELOAD, join(rig.home, '.libasan.so'));
  return rig;
}

function marked(rig: ShimRig, preload?: string): Record<string, string> {
  const library = join(rig.home, '.libasan.so', LIBRARY);
  return { PMAKE_PRELOAD_SHIMS: rig.home, LD_PRELOAD: preload?.replaceAll('OURS', library) ?? library };
}

describe('a compiler by full path', () => {
  it('is one job, with all that the driver runs, and leaves what it makes', async () => {
    await using rig = await createRig();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc', 'ld', 'as', 'collect2', 'cc1');
    writeFileSync(join(rig.work, 'a.c'), 'int main(void) { return 5; }\n');
    const shim = rig.start('/bin/sh', ['-c', '/usr/bin/gcc a.c -o a && ./a'], { env: marked(rig) });
    const jobs: string[] = [];
    dispatcher.jobs.each((job) => {
      jobs.push(`${job.request.name} ${job.request.program} ${job.request.argv.join(' ')}`);
      expect(job.request.environment.includes('LD_PRELOAD')).toBe(false);
      job.runLocally();
    });
    const ended = await shim.ended;
    expect(ended.stderr.toString()).toBe('');
    expect(ended.code).toBe(5);
    expect(jobs).toEqual(['gcc /usr/bin/gcc a.c -o a']);
  });

  it('is the very one that was named, on PATH or not', async () => {
    await using rig = await createRig();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const other = join(rig.directory, 'other/gcc');
    mkdirSync(join(rig.directory, 'other'));
    copyFileSync(join(rig.bin, 'gcc'), other);
    const shim = rig.start('/bin/sh', ['-c', `exec ${other} -c 'a b.c'`], { env: marked(rig) });
    const job = await dispatcher.nextJob();
    expect(job.request).toMatchObject({ name: 'gcc', program: other, argv: ['-c', 'a b.c'], pid: shim.pid });
    job.runLocally();
    const call = await rig.calls.next();
    expect(call.words).toEqual([other, '-c', 'a b.c']);
    call.exit(3);
    expect((await shim.ended).code).toBe(3);
  });

  it('is run once by a shim that is no static program', async () => {
    await using rig = await createRig();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    for (const path of [rig.pcc, join(rig.home, 'pcc')]) rmSync(path);
    execFileSync('make', ['-s', '-C', SHIMS, `OUT=${dirname(rig.pcc)}`, 'STATIC=', rig.pcc]);
    linkSync(rig.pcc, join(rig.home, 'pcc'));
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const shim = rig.start('/bin/sh', ['-c', `exec ${rig.bin}/gcc -c a.c`], { env: marked(rig) });
    (await dispatcher.nextJob()).runLocally();
    const call = await rig.calls.next();
    // How many shims there were on the way.
    expect(call.env.get('_PMAKE_GUARD')).toMatch(/^1:/);
    call.exit(6);
    const { code, stderr } = await shim.ended;
    expect({ code, stderr: stderr.toString() }).toEqual({ code: 6, stderr: '' });
    expect(dispatcher.jobs.unclaimed).toBe(0);
  });

  it('is left alone when it is a link to the shim', async () => {
    await using rig = await createRig();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const shim = rig.start('/bin/sh', ['-c', `exec ${rig.masquerade}/gcc -c a.c`], { env: marked(rig) });
    const job = await dispatcher.nextJob();
    expect(job.request).toMatchObject({ program: join(rig.bin, 'gcc'), argv: ['-c', 'a.c'] });
    job.exit(0);
    await shim.ended;
  });

  it.each([
    ['OURS', undefined],
    [`${USERS}:OURS`, USERS],
    [`OURS:${USERS}`, USERS],
    [`${USERS} OURS`, USERS],
    [`${USERS}  ${USERS}:OURS:OURS`, `${USERS}  ${USERS}`],
    [`OURS ${USERS}:${USERS} `, `${USERS}:${USERS} `],
    [`/opt/other/shims/preload/pmake-preload.so:${USERS}`, USERS],
    [USERS, USERS],
    [':', ':'],
  ])('takes itself out of LD_PRELOAD, and nothing else: %s', async (preload, left) => {
    await using rig = await createRig();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const shim = rig.start('gcc', ['-c', 'a.c'], { env: marked(rig, preload) });
    const job = await dispatcher.nextJob();
    const sent = job.request.environment.toString().split('\0');
    expect(sent.find((entry) => entry.startsWith('LD_PRELOAD='))).toBe(left && `LD_PRELOAD=${left}`);
    job.runLocally();
    const call = await rig.calls.next();
    expect(call.env.get('LD_PRELOAD')).toBe(left);
    call.exit(0);
    await shim.ended;
  });
});

describe('a compiler cache by full path', () => {
  it.each([
    ['in front of the compiler', 'bin/ccache', ['gcc', '-c', 'a.c']],
    ['by a link that is named like the compiler', 'cache/gcc', ['-c', 'a.c']],
  ])('%s runs as it would on PATH', async (_, file, words) => {
    await using rig = await createRig();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc', 'ccache');
    rig.fakeCompiler('ccache');
    mkdirSync(join(rig.directory, 'cache'));
    symlinkSync('../bin/ccache', join(rig.directory, 'cache/gcc'));
    const program = join(rig.directory, file);
    // What is executed by its path, and what `pcc` makes of the same.
    const seen: unknown[] = [];
    for (const start of [program, `${rig.pcc} ${program}`]) {
      const shim = rig.start('/bin/sh', ['-c', `exec ${start} ${words.join(' ')}`], { env: marked(rig) });
      const call = await rig.calls.next();
      seen.push([call.words, call.env.get('CCACHE_PREFIX'), call.env.get('PATH'), call.env.get('LD_PRELOAD')]);
      call.exit(0);
      expect((await shim.ended).code).toBe(0);
    }
    const asCalled = (pcc: string): unknown => [[program, ...words], pcc, `${rig.bin}:/usr/bin:/bin`, undefined];
    expect(seen).toEqual([asCalled(join(rig.home, 'pcc')), asCalled(rig.pcc)]);
    expect(dispatcher.jobs.unclaimed).toBe(0);
  });
});

/** What a compile did not find of the machine's: the compiler itself, or a library that its linker names. */
function missingFor(compiler: string, cause: unknown): string | undefined {
  const { code, stderr } = cause as NodeJS.ErrnoException & { readonly stderr?: Buffer };
  if (code === 'ENOENT') return compiler;
  return /: cannot find (\S+?)(: No such file or directory)?$/m.exec(stderr?.toString() ?? '')?.[1];
}

describe('a program that the library is not made for starts, and says nothing', () => {
  const PROGRAM = '#include <stdio.h>\nint main(void) { return puts("fine") < 0; }\n';
  /** Without a C library: there are no headers for the other ABI. */
  const START = 'void _start(void) { __asm__ volatile("int $0x80" : : "a"(1), "b"(0)); for (;;); }\n';
  const LOADER_32 = '-Wl,--dynamic-linker=/lib/ld-linux.so.2';

  it.for<[string, string, string[], string]>([
    ['static', 'cc', ['-static'], PROGRAM],
    ['AddressSanitizer, dynamic', 'gcc', ['-fsanitize=address'], PROGRAM],
    ['AddressSanitizer, static', 'gcc', ['-fsanitize=address', '-static-libasan'], PROGRAM],
    ["AddressSanitizer, clang's", 'clang', ['-fsanitize=address'], PROGRAM],
    ['ThreadSanitizer', 'gcc', ['-fsanitize=thread'], PROGRAM],
    ['UndefinedBehaviorSanitizer', 'gcc', ['-fsanitize=undefined'], PROGRAM],
    ['LeakSanitizer', 'gcc', ['-fsanitize=leak'], PROGRAM],
    ['musl', 'musl-gcc', [], PROGRAM],
    ['musl, static', 'musl-gcc', ['-static'], PROGRAM],
    ['32 bits', 'gcc', ['-m32', '-nostdlib', '-pie', '-fPIE', LOADER_32], START],
  ])('%s', async ([, compiler, flags, source], context) => {
    await using rig = await createRig();
    writeFileSync(join(rig.work, 'program.c'), source);
    if (source === START && !existsSync('/lib/ld-linux.so.2')) return context.skip('no 32-bit programs run here');
    try {
      const env = { ...process.env, LC_ALL: 'C' };
      execFileSync(compiler, [...flags, '-o', 'program', 'program.c'], { cwd: rig.work, stdio: 'pipe', env });
    } catch (cause) {
      const missing = missingFor(compiler, cause);
      if (missing === undefined) throw cause;
      return context.skip(`${missing} is not installed`);
    }
    const program = join(rig.work, 'program');
    const plain = await rig.run(program, []);
    expect(plain.code).toBe(0);
    const ours = await rig.run(program, [], { env: marked(rig) });
    expect(ours.stderr.toString()).toBe('');
    expect(ours).toEqual(plain);
  });
});
