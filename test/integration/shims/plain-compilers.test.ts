/**
 * What the real compilers, linkers and archivers say about themselves and about mistakes, with the masquerade that pmake
 * makes and without: the same, to the byte. They go by their own names and look for themselves on PATH.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Masquerade, openMasquerade } from '../../../src/make/masquerade/masquerade.ts';
import { describeMasqueradeFailure } from '../../../src/report/cluster-failure-text.ts';
import { FakeDispatcher } from '../../rig/fake-dispatcher.ts';
import { type Ended, ShimRig } from '../../rig/shim-rig.ts';

const PRELOAD = fileURLToPath(new URL('../../../dist/shims/preload', import.meta.url));
const PATH = '/usr/local/bin:/usr/bin:/bin';

let rig: ShimRig;
let dispatcher: FakeDispatcher;
let masquerade: Masquerade;

beforeAll(async () => {
  rig = await ShimRig.create();
  dispatcher = await FakeDispatcher.listen(rig.runtime);
  dispatcher.jobs.each((job) => job.runLocally());
  const opened = openMasquerade({
    env: { XDG_CACHE_HOME: join(rig.directory, 'cache') },
    runtimeDirectory: rig.runtime,
    version: '0.0',
    shim: rig.pcc,
    preload: PRELOAD,
    path: PATH,
    nowMs: Date.now(),
  });
  if (!opened.ok) throw new Error(describeMasqueradeFailure(opened.failure));
  masquerade = opened.value;
  mkdirSync(rig.work, { recursive: true });
  writeFileSync(join(rig.work, 'a.c'), 'int a(void) { return 1; }\n');
  writeFileSync(join(rig.work, 'main.c'), 'int main(void) { return 0; }\n');
  writeFileSync(join(rig.work, 'bad.c'), 'int a(void) { return b; }\n');
  writeFileSync(join(rig.work, 'bad.s'), 'nonsense\n');
  writeFileSync(join(rig.work, 'no.o'), 'nonsense\n');
});
afterAll(async () => {
  await dispatcher[Symbol.asyncDispose]();
  await rig[Symbol.asyncDispose]();
});

/** Names that a compiler makes up. */
function said({ code, stdout, stderr }: Ended): object {
  const plain = (bytes: Buffer): string =>
    bytes.toString().replace(/(?<=\/tmp\/|\b)cc\w{6}(?=\b|\.)|[\w./-]*-[0-9a-f]{6}(?=\.[os])/g, 'TEMPORARY');
  return { code, stdout: plain(stdout), stderr: plain(stderr) };
}

async function compare(plain: string, ours: string, env: Record<string, string> = {}): Promise<void> {
  const run = (command: string, more: Record<string, string | undefined>): Promise<Ended> =>
    rig.run('/bin/bash', ['-c', command], { env: { PATH, PMAKE_LOCAL: undefined, ...more } });
  const expected = said(await run(plain, {}));
  expect(said(await run(ours, env)), ours).toEqual(expected);
}

function isInstalled(command: string): boolean {
  const [program = ''] = command.split(' ');
  return spawnSync('/bin/sh', ['-c', `command -v ${program}`]).status === 0;
}

/** Their messages begin with the name, `gcc -v` shows COLLECT_GCC, `-print-search-dirs` where a driver believes to be. */
const COMMANDS = [
  ...['-v', '-v -c a.c -o a.o', '-v main.c -o main', '-### a.c', '-print-search-dirs', '-print-prog-name=cc1'].flatMap(
    (words) => [`gcc ${words}`, `g++ ${words}`, `cc ${words}`, `x86_64-linux-gnu-gcc-12 ${words}`],
  ),
  ...['', 'no.c', '-c bad.c', 'no.o', '--no-such-option a.c', '-c bad.s', '-print-file-name=libc.a', '-dumpspecs'].map(
    (words) => `gcc ${words}`,
  ),
  'gcc -flto=2 -O1 main.c a.c -o lto',
  'gcc -c a.c -o a.o -wrapper env',
  ...['-v', '-v -c a.c -o b.o', '-### a.c', '-print-search-dirs', '', 'no.c', '-c bad.c', 'no.o', '--no-such'].flatMap(
    (words) => [`clang ${words}`, `clang++ ${words}`],
  ),
  ...['', 't no.a', 't no.o', 'x no.a', 'z', 'cr x.a a.c && ar t x.a', '--version'].map((words) => `ar ${words}`),
  ...['', 'no.a', 'no.o', '--no-such', '--verbose', '-v'].flatMap((words) => [`ld ${words}`, `ld.gold ${words}`]),
  'gcc-ar t no.a',
  'as bad.s',
  'nm no.o',
  'objcopy no.o',
  'c++filt _Z1av',
].filter(isInstalled);

describe.each([
  ['by name', (command: string) => command, () => ({ PATH: masquerade.path })],
  ['behind pcc', (command: string) => `${rig.pcc} ${command}`, () => ({ PATH })],
  ['behind pcc, with the masquerade', (command: string) => `${rig.pcc} ${command}`, () => ({ PATH: masquerade.path })],
  ['where everything runs here', (command: string) => command, () => ({ PATH: masquerade.path, PMAKE_LOCAL: '1' })],
  ['without a dispatcher', (command: string) => command, () => ({ PATH: masquerade.path, PMAKE_RUNTIME_DIR: '/none' })],
])('%s', (_, ours, env) => {
  it.each(COMMANDS)('%s', async (command) => {
    await compare(command, ours(command), env());
  });
});

describe('by full path', () => {
  const byPath = COMMANDS.filter((command) => /^(gcc|clang|ar|ld) /.test(command));

  it.each(byPath)('through the preload library: /usr/bin/%s', async (command) => {
    const env = {
      PATH: masquerade.path,
      LD_PRELOAD: `${masquerade.preload}/$LIB/pmake-preload.so`,
      PMAKE_PRELOAD_SHIMS: masquerade.home,
    };
    await compare(`exec /usr/bin/${command}`, `exec /usr/bin/${command}`, env);
  });

  it.each(byPath)('of the masquerade, as cmake has written it down: %s', async (command) => {
    // Long after the build that it was made for.
    await compare(`exec /usr/bin/${command}`, `exec ${masquerade.directory}/${command}`, { PATH });
  });
});

describe('told another name', () => {
  it.each([
    ['x', 'clang -c bad.c'],
    ['x', 'clang'],
    ['clang++', 'clang -### a.c'],
    ['x', 'gcc -v'],
    ['/no/where/gcc', 'gcc'],
    ['', 'ar'],
    ['x y', 'ar t no.a'],
    ['g++', 'gcc -### a.c'],
  ])('exec -a "%s" %s', async (name, command) => {
    const line = `exec -a '${name}' ${command}`;
    await compare(line, line, { PATH: masquerade.path });
    const [program = '', ...words] = command.split(' ');
    const byPath = `exec -a '${name}' /usr/bin/${program} ${words.join(' ')}`;
    await compare(byPath, byPath, {
      PATH: masquerade.path,
      LD_PRELOAD: `${masquerade.preload}/$LIB/pmake-preload.so`,
      PMAKE_PRELOAD_SHIMS: masquerade.home,
    });
  });
});

describe('makefiles that look for the compiler', () => {
  it.each([
    'readlink -f "$(which objcopy)"',
    'basename "$(realpath "$(which gcc-12)")" | sed s/x86_64-linux-gnu-//',
    '"$(realpath "$(which gcc)")" -dumpversion',
    '"$(realpath "$(which x86_64-linux-gnu-gcc)")" -dumpmachine',
    '"$(dirname "$(which gcc)")"/objcopy --version',
    '"$(dirname "$(which clang)")"/strip --version',
    '"$(dirname "$(which x86_64-linux-gnu-gcc)")"/x86_64-linux-gnu-strip --version',
    'which no-such-gcc arm-none-eabi-gcc',
    'type -t cc c++ gcc clang objcopy nm',
    'gcc=$(which gcc); "${gcc%gcc}nm" --version',
  ])('%s', async (command) => {
    await compare(command, command, { PATH: masquerade.path });
  });

  it('find a compiler by a link of their own', async () => {
    if (!existsSync(join(rig.work, 'links'))) mkdirSync(join(rig.work, 'links'));
    symlinkSync('/usr/bin/gcc', join(rig.work, 'links/plain-cc'));
    symlinkSync(join(masquerade.directory, 'gcc'), join(rig.work, 'links/our-cc'));
    await compare('links/plain-cc -c bad.c', 'links/our-cc -c bad.c', { PATH: masquerade.path });
    await compare('links/plain-cc -c a.c -o l.o', 'PATH=links:$PATH; our-cc -c a.c -o l.o', { PATH: masquerade.path });
  });
});
