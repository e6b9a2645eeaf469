/** Programs that call compilers themselves: drivers, wrappers, caches. Each must find the next one, and never us for ever. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeDispatcher, type FakeJob } from '../../rig/fake-dispatcher.ts';
import { ShimRig } from '../../rig/shim-rig.ts';

/** All jobs from now on, each told to run here. */
function runAllHere(dispatcher: FakeDispatcher): FakeJob[] {
  const jobs: FakeJob[] = [];
  dispatcher.jobs.each((job) => {
    jobs.push(job);
    job.runLocally();
  });
  return jobs;
}

describe('a program that a job starts', () => {
  it('passes straight through: gcc calling ld is one job', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc', 'ld', 'as');
    writeFileSync(join(rig.work, 'a.c'), 'int main(void) { return 0; }\n');
    const shim = rig.start('gcc', ['a.c', '-o', 'a', '-B', rig.masquerade]);
    const jobs = runAllHere(dispatcher);
    expect((await shim.ended).code).toBe(0);
    expect(jobs.map((job) => job.request.name)).toEqual(['gcc']);
    expect((await rig.run(join(rig.work, 'a'), [])).code).toBe(0);
  });

  it('is a job again when it is a daemon that the job left behind', async () => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    // The pid of a process that is not an ancestor of this shim: pid 1 is one, so this takes its own child.
    const other = rig.start('/bin/cat', [], { stdio: ['pipe', 'pipe', 'pipe'] });
    const shim = rig.start('gcc', ['-c', 'a.c'], { env: { _PMAKE_GUARD: `1:${other.pid}:p:${rig.bin}/gcc` } });
    const job = await dispatcher.nextJob();
    expect(job.request.environment.includes('_PMAKE_GUARD')).toBe(false);
    job.exit(4);
    expect((await shim.ended).code).toBe(4);
    other.child.stdin?.end();
    await other.ended;
  });

  // The same rule as in pmake and the dispatcher (src/util/switches.ts).
  it.each([
    ['PMAKE_LOCAL', '1', '0'],
    ['PMAKE_LOCAL', 'yes', ''],
    ['PMAKE_LOCAL', 'no', undefined],
    ['PMAKE_DISABLE', '1', '0'],
  ])('runs here without asking under %s=%s', async (variable, on, off) => {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs('gcc');
    rig.fakeCompiler('gcc');
    const shim = rig.start('gcc', ['-c', 'a.c'], { env: { [variable]: on } });
    (await rig.calls.next()).exit(8);
    expect((await shim.ended).code).toBe(8);
    expect(dispatcher.jobs.unclaimed).toBe(0);
    const asked = rig.start('gcc', ['-c', 'a.c'], { env: { [variable]: off } });
    (await dispatcher.nextJob()).exit(9);
    expect((await asked.ended).code).toBe(9);
  });
});

describe("a wrapper by the compiler's name", () => {
  it('that calls that name through PATH reaches the next one, with and without exec', async () => {
    await using rig = await ShimRig.create();
    rig.masqueradeAs('gcc');
    rig.script('outer/gcc', '#!/bin/sh\nexec gcc --outer "$@"\n');
    rig.script('inner/gcc', '#!/bin/sh\ngcc --inner "$@"\n');
    rig.fakeCompiler('gcc');
    const PATH = [rig.masquerade, `${rig.directory}/outer`, `${rig.directory}/inner`, rig.bin, '/bin'].join(':');
    const shim = rig.start('gcc', ['-c', 'a.c'], { env: { PATH } });
    const call = await rig.calls.next();
    expect(call.words).toEqual([`${rig.bin}/gcc`, '--inner', '--outer', '-c', 'a.c']);
    call.exit(3);
    expect((await shim.ended).code).toBe(3);
  });

  it('that can only find itself is stopped, and told what to do', async () => {
    await using rig = await ShimRig.create();
    rig.masqueradeAs('gcc');
    rig.script('bin/gcc', '#!/bin/sh\nexec gcc "$@"\n');
    const ended = await rig.run('gcc', ['-c', 'a.c'], { env: { PATH: `${rig.masquerade}:${rig.bin}:/bin/nowhere` } });
    expect(ended.code).toBe(111);
    const text = ended.stderr.toString();
    expect(text).toContain(`${rig.bin}/gcc`);
    expect(text).toContain('without end');
    expect(text).toContain('full path');
    expect(text.split('\n')).toHaveLength(3);
  });

  it('may be a script without a first line, as for every shell', async () => {
    await using rig = await ShimRig.create();
    rig.masqueradeAs('gcc');
    rig.script('bin/gcc', 'echo "$0" "$@"\n');
    const ended = await rig.run('gcc', ['-c', 'a  b.c']);
    expect(ended.stdout.toString()).toBe(`${rig.bin}/gcc -c a  b.c\n`);
  });

  it('that cannot run says so itself', async () => {
    await using rig = await ShimRig.create();
    rig.masqueradeAs('gcc');
    rig.script('bin/gcc', '#!/no/such/interpreter\n');
    expect((await rig.run('gcc', [])).code).toBe(127);
  });
});

describe('ccache', () => {
  const SOURCE = 'int one(void) { return 1; }\n';

  /** Real ccache with a cache of its own; how its calls go through shims depends on `env` and the words. */
  async function compileTwice(
    words: string[],
    env: Record<string, string>,
    masquerade: string[],
  ): Promise<FakeJob[][]> {
    await using rig = await ShimRig.create();
    await using dispatcher = await FakeDispatcher.listen(rig.runtime);
    rig.masqueradeAs(...masquerade);
    writeFileSync(join(rig.work, 'a.c'), SOURCE);
    const [program = '', ...rest] = words;
    const options = {
      env: {
        CCACHE_DIR: `${rig.directory}/cache`,
        PATH: `${rig.masquerade}:/usr/lib/ccache:/usr/bin:/bin`,
        ...env,
        ...(env.CCACHE_PREFIX === 'pcc' && { CCACHE_PREFIX: rig.pcc }),
      },
    };
    const jobs = runAllHere(dispatcher);
    const rounds: FakeJob[][] = [];
    for (const round of [1, 2]) {
      const shim = rig.start(
        program === 'PCC' ? rig.pcc : program,
        [...rest, '-c', 'a.c', '-o', `a${round}.o`],
        options,
      );
      expect(await shim.ended).toMatchObject({ code: 0, stderr: Buffer.alloc(0), stdout: Buffer.alloc(0) });
      rounds.push(jobs.splice(0));
    }
    const [first, second] = [1, 2].map((round) => readFileSync(join(rig.work, `a${round}.o`)));
    expect(first?.equals(second ?? Buffer.alloc(0))).toBe(true);
    return rounds;
  }

  const forms: [string, string[], Record<string, string>, string[]][] = [
    ['behind the shim', ['gcc'], {}, ['gcc', 'ccache']],
    ['behind the shim with CCACHE_PREFIX=pcc', ['gcc'], { CCACHE_PREFIX: 'pcc' }, ['gcc']],
    ['as CC="ccache gcc"', ['ccache', 'gcc'], {}, ['gcc', 'ccache']],
    ['as CC="pcc ccache gcc"', ['PCC', 'ccache', 'gcc'], {}, ['gcc']],
    ['as CC="pcc gcc", no masquerade', ['PCC', 'gcc'], {}, []],
    ['before the shim', ['/usr/lib/ccache/gcc'], {}, ['gcc']],
    ['before pcc by CCACHE_PREFIX', ['/usr/lib/ccache/gcc'], { CCACHE_PREFIX: 'pcc' }, []],
  ];

  it.each(forms)(
    '%s: a miss is compiled as a job of the real compiler, a hit is not',
    async (form, words, env, names) => {
      const [miss = [], hit = []] = await compileTwice(words, env, names);
      const compiles = (jobs: FakeJob[]): string[] =>
        jobs.filter((job) => job.request.argv.includes('-c')).map((job) => job.request.program);
      expect(compiles(miss)).toEqual(['/usr/bin/gcc']);
      expect(compiles(hit)).toEqual([]);
      // Where the shim runs the cache, the cache hashes the compiler and asks it directly.
      if (form !== 'before the shim') expect([miss.length, hit.length]).toEqual([1, 0]);
    },
  );
});
