/** pmake as a process: what it puts into make's LD_PRELOAD, and what it says. The dispatcher is the test's. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { answerBuild, startFakeDispatcher } from '../../ipc/fake-dispatcher.ts';
import { sampleReport } from '../../report/sample-report.ts';
import { installForTests, workplace } from './installation.ts';

const installed = installForTests();
const PMAKE = installed.script('pmake');
const PRELOAD = join(import.meta.dirname, '../../../dist/shims/preload');
const installedPreload = join(installed.root, 'dist/shims/preload');

/** What each process of a recipe has of ours, and whether it is loaded. */
const TELL = 'all:;@echo "[$$LD_PRELOAD] [$$PMAKE_PRELOAD_SHIMS]"; grep -c /pmake-preload.so /proc/self/maps || :\n';
const NAMED = 'CC=/usr/bin/gcc';

beforeAll(() => {
  mkdirSync(join(installed.root, 'dist/shims'), { recursive: true });
  rmSync(installedPreload, { recursive: true, force: true });
  symlinkSync(PRELOAD, installedPreload);
});

/** Recipes' lines: LD_PRELOAD, the masquerade, how many mappings of grep's are of the library. */
async function told(words: readonly string[], env: NodeJS.ProcessEnv = {}, makefile = TELL) {
  const place = workplace(makefile);
  const { stdout, stderr, code } = await place.run(PMAKE, ['-j1', ...words], env);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  const [, preload = '', shims = '', loaded] = /^\[(.*)\] \[(.*)\]\n(\d+)\n/m.exec(stdout) ?? [];
  return { preload, shims, isLoaded: Number(loaded) > 0, masquerade: `${place.directory}/.cache/pmake/masquerade/` };
}

describe('the library', () => {
  test('is loaded in what make runs when the words name a compiler by its path', async () => {
    const { preload, shims, isLoaded, masquerade } = await told([NAMED]);
    expect(shims.startsWith(masquerade)).toBe(true);
    expect(preload).toBe(`${shims}/.libasan.so/$LIB/pmake-preload.so`);
    expect(isLoaded).toBe(true);
  });

  test.each([
    ['when nothing names one', [], {}],
    ['when it is not wanted', [NAMED], { PMAKE_PRELOAD: '0' }],
    ['in plain make', [NAMED, '--pmake-local'], {}],
  ])('is not there %s', async (_, words, env) => {
    expect(await told(words, env)).toMatchObject({ preload: '', shims: '', isLoaded: false });
  });

  test("comes after the user's own, which stay", async () => {
    const { preload, shims, isLoaded } = await told([NAMED], { LD_PRELOAD: 'libm.so.6' });
    expect(preload).toBe(`libm.so.6:${shims}/.libasan.so/$LIB/pmake-preload.so`);
    expect(isLoaded).toBe(true);
  });

  test('is there once below a pmake in a recipe, and goes where that one is told so', async () => {
    const nested = `all:;@+node ${PMAKE} --no-print-directory $(WORDS) -f inner\n`;
    const place = workplace(nested);
    writeFileSync(join(place.directory, 'inner'), TELL);
    const on = await place.run(PMAKE, ['-j1', NAMED]);
    expect(on.stdout).toMatch(/^\[[^:]*\/pmake-preload\.so\] \[\/.*\]\n[1-9]/m);
    const off = await place.run(PMAKE, ['-j1', NAMED], { PMAKE_PRELOAD: '0' });
    expect(off.stdout).toMatch(/^\[\] \[\]\n0\n/m);
  });

  test('survives a makefile that adds to it', async () => {
    const makefile = `all:;@LD_PRELOAD=$(LD_PRELOAD):libm.so.6 grep -c /pmake-preload.so /proc/self/maps\n`;
    const place = workplace(makefile);
    const ran = await place.run(PMAKE, ['-j1', NAMED]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(Number(ran.stdout)).toBeGreaterThan(0);
  });
});

describe('an installation without the library', () => {
  test.each([
    ['says so where it was needed', [NAMED], true],
    ['is silent where it was not', [], false],
  ])('%s', async (_, words, isTold) => {
    const place = workplace('all:;@echo "[$$LD_PRELOAD]"');
    rmSync(installedPreload);
    try {
      await startFakeDispatcher(place.runtimeDirectory, answerBuild(sampleReport({ problems: [] })));
      const ran = await place.run(PMAKE, words, { PMAKE_SUMMARY: '1' });
      expect(ran).toMatchObject({ code: 0, stdout: '[]\n' });
      expect(ran.stderr.includes('compilers called by their full path ran here')).toBe(isTold);
      expect(ran.stderr.trim().split('\n')).toHaveLength(1);
    } finally {
      symlinkSync(PRELOAD, installedPreload);
    }
  });
});
