/** What the shim makes of its own call: which file was started, which word is a program, and when it cannot know. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeDispatcher, type FakeJob } from '../../rig/fake-dispatcher.ts';
import { type Ended, ShimRig, type ShimOptions } from '../../rig/shim-rig.ts';

/** Runs a shell's command, each job here. */
async function runLocally(
  rig: ShimRig,
  dispatcher: FakeDispatcher,
  command: string,
  options: ShimOptions = {},
): Promise<{ readonly ended: Ended; readonly jobs: readonly FakeJob[] }> {
  const jobs: FakeJob[] = [];
  dispatcher.jobs.each((job) => {
    jobs.push(job);
    job.runLocally();
  });
  return { ended: await rig.run('/bin/bash', ['-c', command], options), jobs };
}

/** A program that prints its words. */
const ECHO = '#include <stdio.h>\nint main(int c, char **v) { for (; *v; v++) printf("<%s>", *v); return c < 0; }\n';

describe('a shim by its own real path', () => {
  it.each([
    ['pcc', '-c a.c'],
    ['p++', '-c a.cc'],
    ['pcc', ''],
    ['pcc', 'a.o -o a'],
    ['pcc', 'no-such-program a.c'],
  ])('%s %s refuses to guess a compiler', async (name, words) => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.fakeCompiler('cc', 'c++');
    const path = join(rig.directory, 'shims', name);
    const { ended, jobs } = await runLocally(rig, dispatcher, `exec ${path} ${words}`);
    expect(ended).toMatchObject({ code: 112, stdout: Buffer.alloc(0) });
    const text = ended.stderr.toString();
    // What, why, what to do.
    expect(text.startsWith(`${path}: this is pmake's shim by its own path, and no compiler is named`)).toBe(true);
    expect(text).toContain('realpath');
    expect(text).toContain('pcc gcc -c a.c');
    expect([jobs.length, rig.calls.arrived]).toEqual([0, 0]);
  });

  it('is what a link by the name of another compiler resolves to: no object comes from the wrong one', async () => {
    await using rig = await ShimRig.create();
    writeFileSync(join(rig.work, 'a.c'), 'int a;\n');
    mkdirSync(join(rig.directory, 'links'));
    symlinkSync(rig.pcc, join(rig.directory, 'links/mips-foo-gcc'));
    const makefile = 'CC := $(realpath $(shell which mips-foo-gcc))\na.o: a.c; $(CC) -c a.c -o a.o\n';
    writeFileSync(join(rig.work, 'Makefile'), makefile);
    const ended = await rig.run('/usr/bin/make', [], { env: { PATH: rig.path(join(rig.directory, 'links')) } });
    expect(ended.code).toBe(2);
    expect(() => readFileSync(join(rig.work, 'a.o'))).toThrow('ENOENT');
  });

  it.each([
    ['found on PATH', 'PATH=RIG/shims:$PATH; pcc -c a.c'],
    ['through a link, as npm makes one', 'RIG/links/pcc -c a.c'],
    ['through a link that is found on PATH', 'PATH=RIG/links:$PATH; pcc -c a.c'],
  ])('%s it is cc', async (_, command) => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.program('bin/cc', ECHO);
    mkdirSync(join(rig.directory, 'links'));
    symlinkSync(rig.pcc, join(rig.directory, 'links/pcc'));
    const { ended } = await runLocally(rig, dispatcher, command.replaceAll('RIG', rig.directory));
    expect([ended.stdout.toString(), ended.stderr.toString()]).toEqual(['<cc><-c><a.c>', '']);
  });

  it('runs a program that is named, as ccache calls it', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    const gcc = rig.program('bin/gcc', ECHO);
    const { ended } = await runLocally(rig, dispatcher, `${rig.pcc} ${gcc} -c a.c`);
    expect(ended.stdout.toString()).toBe(`<${gcc}><-c><a.c>`);
  });
});

describe('which file was started decides, whatever argv[0] says', () => {
  it.each([
    ['exec -a x gcc -c a.c', 'x', '<x><-c><a.c>'],
    ['exec -a pcc gcc -c a.c', 'pcc', '<pcc><-c><a.c>'],
    ['exec -a /no/where/cc gcc -c a.c', 'cc', '</no/where/cc><-c><a.c>'],
    ['exec -a gcc RIG/home/bin/gcc', 'gcc', '<gcc>'],
    // What is named by a link to the shim goes by its own path: gcc would look for its parts in the link's directory.
    ['RIG/home/bin/gcc -c a.c', 'gcc', '<RIG/bin/gcc><-c><a.c>'],
    ['exec -a RIG/home/bin/gcc gcc', 'gcc', '<RIG/bin/gcc>'],
    ['../links/mine -c a.c', 'gcc', '<RIG/bin/gcc><-c><a.c>'],
    ['PATH=$PATH:RIG/links; mine -c a.c', 'gcc', '<RIG/bin/gcc><-c><a.c>'],
    ['cd RIG/home/bin; ./gcc x', 'gcc', '<RIG/bin/gcc><x>'],
    ['PATH=../home/bin:../bin gcc x', 'gcc', '<gcc><x>'],
    ['RIG/by-fd RIG/home/bin/gcc gcc -c', 'gcc', '<gcc><-c>'],
    ['exec -a y RIG/links/pcc gcc x', 'gcc', '<gcc><x>'],
  ])('%s', async (command, name, printed) => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.program('bin/gcc', ECHO);
    mkdirSync(join(rig.directory, 'links'));
    symlinkSync('../home/bin/gcc', join(rig.directory, 'links/mine'));
    symlinkSync(rig.pcc, join(rig.directory, 'links/pcc'));
    rig.program('by-fd', BY_FD);
    const { ended, jobs } = await runLocally(rig, dispatcher, command.replaceAll('RIG', rig.directory));
    expect(ended.stderr.toString()).toBe('');
    expect(ended.stdout.toString()).toBe(printed.replaceAll('RIG', rig.directory));
    const asked = jobs.map(({ request }) => ({ name: request.name, program: normalize(request.program) }));
    expect(asked).toEqual([{ name, program: join(rig.bin, 'gcc') }]);
  });
});

/** Executes an open file, which has no name then. */
const BY_FD = `#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>
extern char **environ;
int main(int c, char **v) { return c > 2 ? fexecve(open(v[1], O_RDONLY), v + 2, environ) : 99; }
`;

describe('which program a shim of a masquerade stands for', () => {
  it.each([
    ['by name, for the first on PATH', 'gcc', 'RIG/second:RIG/bin', '<gcc>', 'second'],
    [
      'by its path, for the one that was there when it was made',
      'RIG/home/bin/gcc',
      'RIG/second',
      '<RIG/bin/gcc>',
      'bin',
    ],
    ['by its path, whatever PATH has', 'RIG/home/bin/gcc', '/usr/bin', '<RIG/bin/gcc>', 'bin'],
  ])('%s', async (_, command, path, printed, directory) => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    for (const name of ['bin', 'second']) rig.program(`${name}/gcc`, ECHO);
    const fill = (text: string): string => text.replaceAll('RIG', rig.directory);
    const PATH = `${command === 'gcc' ? `${rig.masquerade}:` : ''}${fill(path)}`;
    const { ended, jobs } = await runLocally(rig, dispatcher, fill(`exec ${command}`), { env: { PATH } });
    expect(ended.stdout.toString()).toBe(fill(printed));
    expect(jobs[0]?.request.program).toBe(join(rig.directory, directory, 'gcc'));
  });

  it('is the first on PATH where the one that was there is gone', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.program('second/gcc', ECHO);
    const { ended } = await runLocally(rig, dispatcher, `${rig.masquerade}/gcc x`, {
      env: { PATH: `${rig.directory}/second` },
    });
    expect(ended.stdout.toString()).toBe(`<${rig.directory}/second/gcc><x>`);
  });

  it('is not found where PATH does not have it, although it did once', async () => {
    await using rig = await ShimRig.create();
    rig.masqueradeAs('gcc');
    rig.program('bin/gcc', ECHO);
    const ended = await rig.run('gcc', [], { env: { PATH: `${rig.masquerade}:/nowhere` } });
    expect(ended.code).toBe(127);
  });

  it('starts the dispatcher of the installation that it was made from', async () => {
    await using rig = await ShimRig.create();
    rig.masqueradeAs('gcc');
    rig.program('bin/gcc', ECHO);
    // No hard link: the file tells nothing.
    const shim = join(rig.masquerade, 'gcc');
    rmSync(shim);
    copyFileSync(rig.pcc, shim);
    writeFileSync(
      join(rig.directory, 'cli/dispatcher.cjs'),
      'require("fs").writeFileSync(process.env.HOME + "/ran", "");',
    );
    const ended = await rig.run('gcc', ['-c', 'a.c']);
    expect([ended.stdout.toString(), ended.stderr.toString()]).toEqual(['<gcc><-c><a.c>', '']);
    expect(readFileSync(join(rig.directory, 'ran')).length).toBe(0);
  });
});

describe('two installations', () => {
  it('do not call each other: a shim of the other one is no compiler, in the masquerade or by hand', async () => {
    await using rig = await ShimRig.create();
    await using other = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.program('bin/gcc', ECHO);
    mkdirSync(join(rig.directory, 'by-hand'));
    linkSync(other.pcc, join(rig.directory, 'by-hand/gcc'));
    other.masqueradeAs('gcc');
    const PATH = [rig.masquerade, other.masquerade, `${rig.directory}/by-hand`, rig.bin, '/bin'].join(':');
    const { ended, jobs } = await runLocally(rig, dispatcher, 'gcc x', { env: { PATH } });
    // One of the user's own directories stays, so gcc is told its path.
    expect(ended.stdout.toString()).toBe(`<${rig.bin}/gcc><x>`);
    expect(jobs.map(({ request }) => /(?:^|\0)PATH=([^\0]*)/.exec(request.environment.toString())?.[1])).toEqual([
      `${rig.directory}/by-hand:${rig.bin}:/bin`,
    ]);
  });
});

describe('the first word behind pcc', () => {
  /** Executable by their modes, as libraries are, and everything is on some file systems. */
  const FILES: readonly (readonly [string, string])[] = [
    ['lib/libfoo.so.1', 'cc -shared -o lib/libfoo.so.1 a.c'],
    ['lib/libfoo.so', 'cc -shared -o lib/libfoo.so a.c'],
    ['lib/plugin', 'cc -shared -o lib/plugin a.c'],
    ['./libloaded.so.6', 'cc -shared -Wl,--dynamic-linker=/lib/x -o libloaded.so.6 a.c'],
    ['./a.out.o', 'cc -c -o a.out.o a.c'],
    ['obj/a', 'cc -c -o obj/a a.c'],
    ['obj/thin', 'cc -c -o a.o a.c; ar rcT obj/thin a.o'],
    ['obj/archive', 'cc -c -o a.o a.c; ar rc obj/archive a.o'],
    ['obj/bitcode', 'clang -c -emit-llvm -o obj/bitcode a.c'],
    ['obj/exports.map', 'echo "V { global: *; };" >obj/exports.map'],
    ['./link.ld', 'echo "SECTIONS {}" >link.ld'],
    ['./libfoo.la', 'echo "# libtool" >libfoo.la'],
    ['@words', 'echo a.c >@words'],
  ];

  it.each(FILES)('%s is for cc, although its mode says that it can be executed', async (word, make) => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.program('bin/cc', ECHO);
    for (const directory of ['lib', 'obj']) mkdirSync(join(rig.work, directory));
    writeFileSync(join(rig.work, 'a.c'), 'int a;\n');
    execFileSync('/bin/sh', ['-ec', make], { cwd: rig.work, env: { PATH: '/usr/bin:/bin' } });
    chmodSync(join(rig.work, word), 0o755);
    const { ended } = await runLocally(rig, dispatcher, `exec -a pcc ${rig.pcc} ${word} -o program`);
    expect([ended.stdout.toString(), ended.stderr.toString()]).toEqual([`<cc><${word}><-o><program>`, '']);
  });

  it.each([
    ['./tool', 'cc -pie -o tool a.c'],
    ['./tool', 'cc -no-pie -o tool a.c'],
    ['./tool', 'cc -static -o tool a.c'],
    ['./tool', 'cc -static-pie -o tool a.c'],
    ['./tool-1.2', 'cc -o tool-1.2 a.c'],
    ['./tool', 'printf "#!/bin/sh\\nprintf \'<%%s>\' \\$0 \\$@" >tool'],
    ['./tool.sh', 'printf "#!/bin/sh\\nprintf \'<%%s>\' \\$0 \\$@" >tool.sh'],
    ['./tool', 'printf "printf \'<%%s>\' \\$0 \\$@" >tool'],
  ])('%s is a program: %s', async (word, make) => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.program('bin/cc', ECHO);
    writeFileSync(join(rig.work, 'a.c'), ECHO);
    execFileSync('/bin/sh', ['-ec', make], { cwd: rig.work, env: { PATH: '/usr/bin:/bin' } });
    chmodSync(join(rig.work, word), 0o755);
    const { ended } = await runLocally(rig, dispatcher, `exec -a pcc ${rig.pcc} ${word} -c`);
    expect(ended.stderr.toString()).toBe('');
    expect(ended.stdout.toString().replace(`${rig.work}/./`, './')).toBe(`<${word}><-c>`);
  });

  it('is another pcc, the Portable C Compiler, where PATH has that first', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.program('bin/pcc', ECHO);
    const { ended } = await runLocally(rig, dispatcher, `${rig.pcc} pcc -c a.c`);
    expect(ended.stdout.toString()).toBe('<pcc><-c><a.c>');
  });
});

describe('ccache and pcc in any order', () => {
  const SOURCE = 'int one(void) { return 1; }\n';

  it.each([
    ['ccache pcc gcc', 'gcc', true],
    ['ccache pcc', 'cc', true],
    ['ccache p++', 'c++', true],
    ['ccache PCC gcc', 'gcc', true],
    ['ccache pcc pcc gcc', 'gcc', true],
    ['pcc ccache gcc', 'gcc', true],
    ['pcc ccache pcc gcc', 'gcc', true],
    ['ccache gcc', 'gcc', true],
    ['/usr/bin/ccache pcc gcc', 'gcc', false],
  ])('CC="%s" gives what CC=%s gives, and is cached', async (cc, plain, isCached) => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc', 'cc', 'c++', 'ccache');
    mkdirSync(join(rig.directory, 'npm'));
    for (const name of ['pcc', 'p++'])
      symlinkSync(join(rig.directory, 'shims', name), join(rig.directory, 'npm', name));
    writeFileSync(join(rig.work, 'a.c'), SOURCE);
    const env = {
      CCACHE_DIR: `${rig.directory}/cache`,
      PATH: `${rig.masquerade}:${rig.directory}/npm:/usr/bin:/bin`,
    };
    const compile = (output: string) =>
      runLocally(rig, dispatcher, `${cc.replace('PCC', rig.pcc)} -c a.c -o ${output}`, { env });
    const first = await compile('1.o');
    expect([first.ended.code, first.ended.stderr.toString()]).toEqual([0, '']);
    expect(first.jobs.map((job) => job.request.program).filter((path) => !path.includes('ccache'))).toContain(
      `/usr/bin/${plain}`,
    );
    execFileSync(plain, ['-c', 'a.c', '-o', 'plain.o'], { cwd: rig.work });
    const second = await compile('2.o');
    expect(second.ended.code).toBe(0);
    if (isCached) expect(second.jobs).toEqual([]);
    for (const output of ['1.o', '2.o']) {
      expect(readFileSync(join(rig.work, output)).equals(readFileSync(join(rig.work, 'plain.o')))).toBe(true);
    }
  });
});
