/**
 * Compilers that are scripts (Spack, Cray, colorgcc, Nix): they look at their words, so they get the user's own, and the
 * compiler that they call in the end is the job.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FakeDispatcher } from '../../rig/fake-dispatcher.ts';
import { ShimRig } from '../../rig/shim-rig.ts';

const PRELOAD = fileURLToPath(new URL('../../../dist/shims/preload', import.meta.url));

/** Decides by the name of the output, as wrappers do. */
function wrapper(call: string): string {
  return `#!/bin/sh
output=
for word; do [ "$previous" = -o ] && output=$word; previous=$word; done
case $output in a.o) set -- -DBRANCH=1 "$@" ;; *) set -- -DBRANCH=2 "$@" ;; esac
echo "$PATH|$LD_PRELOAD|$PMAKE_PRELOAD_SHIMS" >>seen
${call}
`;
}

interface Scene extends AsyncDisposable {
  readonly rig: ShimRig;
  readonly dispatcher: FakeDispatcher;
  readonly env: Record<string, string>;
}

/** A masquerade with the preload library in front of `wrappers`, where the script is. */
async function scene(script: string): Promise<Scene> {
  const rig = await ShimRig.create();
  const dispatcher = await FakeDispatcher.listen(rig.runtime);
  symlinkSync(PRELOAD, join(rig.home, '.libasan.so'));
  rig.masqueradeAs('gcc', 'cc');
  rig.script('wrappers/gcc', script);
  writeFileSync(join(rig.work, 'a.c'), 'int branch = BRANCH;\n');
  const env = {
    PATH: [rig.masquerade, join(rig.directory, 'wrappers'), '/usr/bin:/bin'].join(':'),
    LD_PRELOAD: `${rig.home}/.libasan.so/$LIB/pmake-preload.so`,
    PMAKE_PRELOAD_SHIMS: rig.home,
  };
  const dispose = async (): Promise<void> => {
    await dispatcher[Symbol.asyncDispose]();
    await rig[Symbol.asyncDispose]();
  };
  return { rig, dispatcher, env, [Symbol.asyncDispose]: dispose };
}

const WORDS = ['-c', 'a.c', '-o', 'a.o'];

describe('a script called gcc, first on PATH', () => {
  it.each([
    ['by full path', 'exec /usr/bin/gcc "$@"', true],
    ['by full path, and goes on after it', '/usr/bin/gcc "$@"; exit $?', true],
    ['by name', 'exec gcc "$@"', false],
    ['by name on a PATH of its own', 'PATH=${PATH#*wrappers:} exec gcc "$@"', true],
    ['with the help of env', 'exec env LANG=C /usr/bin/gcc "$@"', true],
  ])('gets its own words, and the compiler that it calls %s is one job', async (_, call, needsPreload) => {
    await using at = await scene(wrapper(call));
    const env = needsPreload ? at.env : { PATH: at.env.PATH ?? '' };
    const shim = at.rig.start('gcc', WORDS, { env });
    const job = await at.dispatcher.nextJob();
    expect(job.request).toMatchObject({ name: 'gcc', program: '/usr/bin/gcc', argv: ['-DBRANCH=1', ...WORDS] });
    // A node's compiler would look for the library of this machine.
    expect(job.request.environment.toString()).not.toContain('pmake-preload');
    job.runLocally();
    expect(await shim.ended).toMatchObject({ code: 0, stderr: Buffer.alloc(0) });
    expect(at.dispatcher.jobs.unclaimed).toBe(0);
    const object = readFileSync(join(at.rig.work, 'a.o'));
    execFileSync('gcc', ['-DBRANCH=1', ...WORDS], { cwd: at.rig.work });
    expect(readFileSync(join(at.rig.work, 'a.o')).equals(object)).toBe(true);
    const [path = '', preload, shims] = readFileSync(join(at.rig.work, 'seen'), 'utf8').trim().split('|');
    expect([path, preload, shims]).toEqual([env.PATH, ...(needsPreload ? [at.env.LD_PRELOAD, at.rig.home] : ['', ''])]);
  });

  it('runs at once, outside any slot', async () => {
    await using at = await scene('#!/bin/sh\necho "$0" "$@"\n');
    const ended = await at.rig.run('gcc', WORDS, { env: at.env });
    expect(ended.stdout.toString()).toBe(`${at.rig.directory}/wrappers/gcc ${WORDS.join(' ')}\n`);
    expect(at.dispatcher.jobs.unclaimed).toBe(0);
  });

  it("may have been found by a masquerade's own path", async () => {
    await using at = await scene(wrapper('exec gcc "$@"'));
    const shim = at.rig.start(join(at.rig.masquerade, 'gcc'), WORDS, { env: { PATH: at.env.PATH ?? '' } });
    const job = await at.dispatcher.nextJob();
    expect(job.request).toMatchObject({ program: '/usr/bin/gcc', argv: ['-DBRANCH=1', ...WORDS] });
    job.exit(0);
    expect((await shim.ended).code).toBe(0);
  });

  it('that calls itself by name is stopped', async () => {
    await using at = await scene('#!/bin/sh\nexec gcc "$@"\n');
    const PATH = [at.rig.masquerade, `${at.rig.directory}/wrappers`, '/nowhere'].join(':');
    const ended = await at.rig.run('/bin/sh', ['-c', 'exec gcc -c a.c'], { env: { ...at.env, PATH } });
    expect(ended.code).toBe(111);
    expect(ended.stderr.toString()).toContain('without end');
  });

  it('is run under PMAKE_LOCAL as everything is', async () => {
    await using at = await scene(wrapper('exec /usr/bin/gcc "$@"'));
    const ended = await at.rig.run('gcc', WORDS, { env: { ...at.env, PMAKE_LOCAL: '1' } });
    expect(ended).toMatchObject({ code: 0, stderr: Buffer.alloc(0) });
    expect(at.dispatcher.jobs.unclaimed).toBe(0);
  });
});

describe('a script behind pcc', () => {
  it.each([
    ['pcc ./wrap gcc', './wrap gcc -c a.c -o a.o', '#!/bin/sh\nexec "$@"\n'],
    ['pcc wrap /usr/bin/gcc', 'wrap /usr/bin/gcc -c a.c -o a.o', '#!/usr/bin/perl\nexec @ARGV;\n'],
  ])('%s: the compiler that it runs is the job', async (_, words, text) => {
    await using at = await scene('#!/bin/sh\nexec /usr/bin/gcc "$@"\n');
    at.rig.script('work/wrap', text);
    const PATH = [at.rig.masquerade, at.rig.work, '/usr/bin:/bin'].join(':');
    const shim = at.rig.start(at.rig.pcc, words.split(' '), { env: { ...at.env, PATH } });
    const job = await at.dispatcher.nextJob();
    expect(job.request).toMatchObject({ name: 'gcc', program: '/usr/bin/gcc', argv: WORDS });
    job.exit(3);
    expect((await shim.ended).code).toBe(3);
  });
});

it('a compiler that may be executed but not read is no script', async () => {
  await using at = await scene('');
  const directory = join(at.rig.directory, 'closed');
  mkdirSync(directory);
  at.rig.program('closed/gcc', 'int main(void) { return 5; }\n');
  // Root reads everything: a program all the same.
  execFileSync('chmod', ['0111', join(directory, 'gcc')]);
  const shim = at.rig.start('gcc', WORDS, { env: { PATH: `${at.rig.masquerade}:${directory}:/bin` } });
  (await at.dispatcher.nextJob()).runLocally();
  expect((await shim.ended).code).toBe(5);
});
