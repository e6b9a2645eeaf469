import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openMasquerade } from '../../../src/make/masquerade/masquerade.ts';
import { preparePreload, type Preloaded } from '../../../src/make/masquerade/preload.ts';
import { temporaryDirectory } from '../temporary-directory.ts';

const SHIMS = 'PMAKE_PRELOAD_SHIMS';

/** PATH with a gcc, another compiler off PATH, and an installation with the library or without. */
async function layOut(options: { readonly hasLibrary?: boolean; readonly run?: string } = {}) {
  const root = temporaryDirectory();
  const place = {
    runtimeDirectory: join(root, options.run ?? 'run'),
    shim: join(root, 'pcc'),
    preload: join(root, 'preload'),
    path: join(root, 'bin'),
    nowMs: 0,
  };
  for (const directory of [place.runtimeDirectory, place.preload, place.path, join(root, 'opt')]) mkdirSync(directory);
  for (const program of ['bin/gcc', 'opt/arm-gcc']) {
    writeFileSync(join(root, program), '');
    chmodSync(join(root, program), 0o755);
  }
  if (options.hasLibrary !== false) writeFileSync(join(place.preload, 'pmake-preload.so'), '');
  const masquerade = await openMasquerade(place);
  if (!masquerade.ok) throw new Error(masquerade.failure);
  const ours = `${masquerade.value.preload}/$LIB/pmake-preload.so`;
  const prepare = (env: NodeJS.ProcessEnv, words: readonly string[] = [], isNested = false): Promise<Preloaded> =>
    preparePreload({ env, words, cwd: root, place, masquerade: masquerade.value, isNested });
  return {
    root,
    masquerade: masquerade.value,
    ours,
    prepare,
    gcc: `CC=${root}/bin/gcc`,
    arm: `CC=${root}/opt/arm-gcc`,
  };
}

describe('PMAKE_PRELOAD', () => {
  test.each([
    ['auto, and nothing found', undefined, false, false],
    ['auto, and a compiler by full path', undefined, true, true],
    ['auto in words', 'auto', true, true],
    ['empty', '', true, true],
    ['1, and nothing found', '1', false, true],
    ['0, and a compiler by full path', '0', true, false],
  ])('%s', async (_, mode, isNamed, expected) => {
    const { prepare, gcc, ours, masquerade } = await layOut();
    const { changes, trouble } = await prepare({ PMAKE_PRELOAD: mode }, isNamed ? [gcc] : []);
    expect(trouble).toBe('');
    expect(changes).toEqual(expected ? { LD_PRELOAD: ours, [SHIMS]: masquerade.directory } : {});
  });
});

describe('LD_PRELOAD', () => {
  test.each([
    ['', 'OURS'],
    ['libuser.so', 'libuser.so:OURS'],
    ['a.so b.so:c.so', 'a.so b.so:c.so:OURS'],
    ['OURS', 'OURS'],
    ['/old/$LIB/pmake-preload.so:a.so', 'a.so:OURS'],
    ['a.so:/old/pmake-preload.so b.so', 'a.so b.so:OURS'],
  ])("keeps the user's words and takes ours once: '%s'", async (given, expected) => {
    const { prepare, gcc, ours } = await layOut();
    const { changes } = await prepare({ LD_PRELOAD: given.replace('OURS', ours) }, [gcc]);
    expect(changes.LD_PRELOAD).toBe(expected.replace('OURS', ours));
  });

  test('is given back without ours where it is not wanted', async () => {
    const { prepare, ours } = await layOut();
    const env = { PMAKE_PRELOAD: '0', [SHIMS]: '/old', LD_PRELOAD: `a.so:${ours}` };
    expect((await prepare(env)).changes).toEqual({ LD_PRELOAD: 'a.so', [SHIMS]: undefined });
    expect((await prepare({ ...env, LD_PRELOAD: ours })).changes).toEqual({
      LD_PRELOAD: undefined,
      [SHIMS]: undefined,
    });
  });
});

test("below another pmake's build it stays on; what a finished build left in the environment does not count", async () => {
  const { prepare, ours, masquerade } = await layOut();
  const env = { [SHIMS]: '/old', LD_PRELOAD: ours };
  expect((await prepare(env, [], true)).changes).toEqual({ LD_PRELOAD: ours, [SHIMS]: masquerade.directory });
  expect((await prepare(env, [], false)).changes).toEqual({ LD_PRELOAD: undefined, [SHIMS]: undefined });
});

test('a compiler off PATH gets a link, and none on PATH', async () => {
  const { prepare, arm, masquerade } = await layOut();
  const { changes } = await prepare({}, [arm]);
  expect(changes[SHIMS]).not.toBe(masquerade.directory);
  expect(readdirSync(changes[SHIMS] ?? '')).toEqual(['.libasan.so', 'arm-gcc', 'gcc']);
  expect(changes.LD_PRELOAD?.startsWith(`${changes[SHIMS] ?? ''}/`)).toBe(true);
  expect(readdirSync(masquerade.directory)).toEqual(['.libasan.so', 'gcc']);
});

test('a link of ours that cmake found is no compiler by full path', async () => {
  const { prepare, masquerade, root } = await layOut();
  writeFileSync(join(root, 'CMakeCache.txt'), `CMAKE_C_COMPILER:FILEPATH=${masquerade.directory}/gcc\n`);
  chmodSync(dirname(masquerade.directory), 0o700);
  writeFileSync(join(root, 'pcc'), '', { mode: 0o755 });
  expect((await prepare({})).changes).toEqual({});
});

describe('what is missing is said only where it was needed', () => {
  test.each([
    ['the library', { hasLibrary: false }, /library is missing/],
    ['a path that LD_PRELOAD can hold', { run: 'run time' }, /LD_PRELOAD cannot hold/],
  ])('%s', async (_, options, sentence) => {
    const { prepare, gcc } = await layOut(options);
    expect(await prepare({})).toEqual({ changes: {}, trouble: '' });
    const needed = await prepare({}, [gcc]);
    expect(needed.changes).toEqual({});
    expect(needed.trouble).toMatch(sentence);
  });
});
