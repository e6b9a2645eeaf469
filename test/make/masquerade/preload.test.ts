import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openMasquerade } from '../../../src/make/masquerade/masquerade.ts';
import { describeMasqueradeFailure } from '../../../src/report/cluster-failure-text.ts';
import { preparePreload, type Preloaded } from '../../../src/make/masquerade/preload.ts';
import { BINARY, install, layOut, namesIn } from './lay-out.ts';

const SHIMS = 'PMAKE_PRELOAD_SHIMS';

/** PATH with a gcc, another compiler off PATH, and an installation with the library or without. */
function layOutBuild(
  options: { readonly hasLibrary?: boolean; readonly hasBlank?: boolean; readonly gcc?: string } = {},
) {
  const { root, a, options: usual } = layOut();
  const place = { ...usual, path: a };
  install(a, { gcc: options.gcc ?? BINARY });
  install(join(root, 'opt'), ['arm-gcc']);
  if (options.hasLibrary !== false) writeFileSync(join(place.preload, 'pmake-preload.so'), '');
  const masquerade = openMasquerade(place);
  if (!masquerade.ok) throw new Error(describeMasqueradeFailure(masquerade.failure));
  if (options.hasBlank) Object.assign(masquerade.value, { preload: join(root, 'a b') });
  const ours = `${masquerade.value.preload}/$LIB/pmake-preload.so`;
  const prepare = (variables: NodeJS.ProcessEnv, words: readonly string[] = [], isNested = false): Preloaded =>
    preparePreload({ env: variables, words, cwd: root, place, masquerade: masquerade.value, isNested });
  return { root, a, masquerade: masquerade.value, ours, prepare, gcc: `CC=${a}/gcc`, arm: `CC=${root}/opt/arm-gcc` };
}

describe('PMAKE_PRELOAD', () => {
  test.each([
    ['auto, and nothing found', undefined, false, false],
    ['auto, and a compiler by full path', undefined, true, true],
    ['auto in words', 'auto', true, true],
    ['empty', '', true, true],
    ['1, and nothing found', '1', false, true],
    ['0, and a compiler by full path', '0', true, false],
  ])('%s', (_, mode, isNamed, expected) => {
    const { prepare, gcc, ours, masquerade } = layOutBuild();
    const { changes, trouble } = prepare({ PMAKE_PRELOAD: mode }, isNamed ? [gcc] : []);
    expect(trouble).toBe('');
    expect(changes).toEqual(expected ? { LD_PRELOAD: ours, [SHIMS]: masquerade.home } : {});
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
  ])("keeps the user's words and takes ours once: '%s'", (given, expected) => {
    const { prepare, gcc, ours } = layOutBuild();
    const { changes } = prepare({ LD_PRELOAD: given.replace('OURS', ours) }, [gcc]);
    expect(changes.LD_PRELOAD).toBe(expected.replace('OURS', ours));
  });

  test('is given back without ours where it is not wanted', () => {
    const { prepare, ours } = layOutBuild();
    const env = { PMAKE_PRELOAD: '0', [SHIMS]: '/old', LD_PRELOAD: `a.so:${ours}` };
    expect(prepare(env).changes).toEqual({ LD_PRELOAD: 'a.so', [SHIMS]: undefined });
    expect(prepare({ ...env, LD_PRELOAD: ours }).changes).toEqual({
      LD_PRELOAD: undefined,
      [SHIMS]: undefined,
    });
  });
});

test("below another pmake's build it stays on; what a finished build left in the environment does not count", () => {
  const { prepare, ours, masquerade } = layOutBuild();
  const env = { [SHIMS]: '/old', LD_PRELOAD: ours };
  expect(prepare(env, [], true).changes).toEqual({ LD_PRELOAD: ours, [SHIMS]: masquerade.home });
  expect(prepare(env, [], false).changes).toEqual({ LD_PRELOAD: undefined, [SHIMS]: undefined });
});

test('a compiler off PATH gets a shim, and none on PATH', () => {
  const { prepare, arm, masquerade } = layOutBuild();
  const { changes } = prepare({}, [arm]);
  expect(changes[SHIMS]).not.toBe(masquerade.home);
  expect(readdirSync(join(changes[SHIMS] ?? '', 'found'))).toEqual(['arm-gcc', 'gcc']);
  expect(changes.LD_PRELOAD?.startsWith(`${changes[SHIMS] ?? ''}/`)).toBe(true);
  expect(namesIn(masquerade.directory)).toEqual(['gcc']);
});

test('a shim that cmake found, of whatever installation, is no compiler by full path', () => {
  const { prepare, masquerade, root } = layOutBuild();
  writeFileSync(join(root, 'CMakeCache.txt'), `CMAKE_C_COMPILER:FILEPATH=${masquerade.directory}/gcc\n`);
  expect(prepare({}).changes).toEqual({});
});

describe('a compiler that is a script may call the real one by its full path', () => {
  const SCRIPT = '#!/bin/sh\nexec /usr/bin/gcc "$@"\n';

  test("PATH's first", () => {
    const { prepare, ours, masquerade } = layOutBuild({ gcc: SCRIPT });
    expect(prepare({}).changes).toEqual({ LD_PRELOAD: ours, [SHIMS]: masquerade.home });
    expect(prepare({ PMAKE_PRELOAD: '0' }).changes).toEqual({});
  });

  test('it became one since the masquerade was made, in the same place', () => {
    const { a, prepare } = layOutBuild();
    expect(prepare({}).changes).toEqual({});
    rmSync(join(a, 'gcc'));
    install(a, { gcc: SCRIPT });
    expect(prepare({}).changes).not.toEqual({});
  });

  test('a cross compiler, where the build speaks of it', () => {
    const { a, root, masquerade, prepare } = layOutBuild();
    install(a, { 'musl-gcc': SCRIPT });
    const compilers = new Map([...masquerade.compilers, ['musl-gcc', join(a, 'musl-gcc')]]);
    Object.assign(masquerade, { compilers });
    expect(prepare({}).changes).toEqual({});
    expect(prepare({}, ['CC=musl-gcc']).changes).not.toEqual({});
    expect(prepare({ CROSS_COMPILE: 'musl-' }).changes).not.toEqual({});
    writeFileSync(join(root, 'Makefile'), 'CC = musl-gcc -O2\n');
    expect(prepare({}).changes).not.toEqual({});
  });
});

describe('what is missing is said only where it was needed', () => {
  test.each([
    ['the library', { hasLibrary: false }, /library is missing/],
    ['a path that LD_PRELOAD can hold', { hasBlank: true }, /LD_PRELOAD cannot hold/],
  ])('%s', (_, options, sentence) => {
    const { prepare, gcc } = layOutBuild(options);
    expect(prepare({})).toEqual({ changes: {}, trouble: '' });
    const needed = prepare({}, [gcc]);
    expect(needed.changes).toEqual({});
    expect(needed.trouble).toMatch(sentence);
  });
});
