import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Masquerade, openMasquerade } from '../../../src/make/masquerade/masquerade.ts';
import { temporaryDirectory } from '../temporary-directory.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

/** PATH directories `a` and `b`, a shim, and a runtime directory. */
function layOut() {
  const root = temporaryDirectory();
  const [a, b, shim, runtimeDirectory] = ['a', 'b', 'pcc', 'run'].map((name) => join(root, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const directory of [a, b, runtimeDirectory]) mkdirSync(directory);
  writeFileSync(shim, '');
  const open = async (path = `${a}:${b}`, nowMs = NOW_MS): Promise<Masquerade> => {
    const opened = await openMasquerade({ runtimeDirectory, shim, preload: join(root, 'preload'), path, nowMs });
    if (!opened.ok) throw new Error(opened.failure);
    return opened.value;
  };
  return { root, a, b, shim, runtimeDirectory, open };
}

function install(directory: string, ...names: string[]): void {
  for (const name of names) {
    writeFileSync(join(directory, name), '');
    chmodSync(join(directory, name), 0o755);
  }
}

/** What a PATH search can find there. */
function linksIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => !name.startsWith('.'));
}

describe('which programs are linked', () => {
  test.each([
    ['cc', 'c++', 'gcc', 'g++', 'clang', 'clang++'],
    ['gcc-12', 'g++-12', 'gcc-4.9', 'clang-14', 'clang++-14'],
    ['x86_64-linux-gnu-gcc', 'x86_64-linux-gnu-g++-12', 'aarch64-linux-gnu-gcc-12', 'arm-none-eabi-cc', 'riscv64-c++'],
    ['ld', 'ld.bfd', 'ld.gold', 'ld.lld', 'ld.lld-14', 'ld.mold', 'x86_64-linux-gnu-ld', 'x86_64-linux-gnu-ld.bfd'],
    ['ar', 'gcc-ar', 'gcc-ar-12', 'llvm-ar', 'llvm-ar-14', 'x86_64-linux-gnu-ar', 'x86_64-linux-gnu-gcc-ar-12'],
    ['ccache', 'musl-gcc'],
  ])('%s and its like', async (...names) => {
    const { a, open } = layOut();
    install(a, ...names);
    const { directory } = await open();
    expect(linksIn(directory).sort()).toEqual([...names].sort());
  });

  test.each([
    'c++filt',
    'gcc-nm',
    'gcc-ranlib',
    'gcc-ranlib-12',
    'x86_64-linux-gnu-gcc-nm-12',
    'distcc',
    'ld.so',
    'ld-linux.so.2',
    'ldd',
    'c89-gcc',
    'c99-gcc',
    'clang-format',
    'clang-tidy-14',
    'clang-cpp-14',
    'tar',
    'jar',
    'cpp',
    'as',
    'gccgo',
    'make',
    'pcc',
    'p++',
    'gcc-config',
    '.gcc',
  ])('not %s', async (name) => {
    const { a, open } = layOut();
    install(a, name, 'gcc');
    expect(linksIn((await open()).directory)).toEqual(['gcc']);
  });

  test('neither a directory, nor what may not be run, nor a link to nothing', async () => {
    const { a, open } = layOut();
    install(a, 'gcc');
    mkdirSync(join(a, 'cc'));
    writeFileSync(join(a, 'clang'), '');
    symlinkSync('/nonexistent', join(a, 'ld'));
    expect(linksIn((await open()).directory)).toEqual(['gcc']);
  });

  test('each is a link to the shim', async () => {
    const { a, b, shim, open } = layOut();
    install(a, 'gcc');
    install(b, 'gcc', 'ld');
    const { directory } = await open();
    expect(linksIn(directory).map((name) => readlinkSync(join(directory, name)))).toEqual([shim, shim]);
  });
});

describe('PATH', () => {
  test('the masquerade goes first, and the rest stays as it was', async () => {
    const { a, b, open } = layOut();
    const path = `${a}::relative:${b}:/nonexistent:`;
    const { directory, path: changed } = await open(path);
    expect(changed).toBe(`${directory}:${path}`);
  });

  test('below another pmake it is not added twice', async () => {
    const { a, open } = layOut();
    install(a, 'gcc');
    const outer = await open();
    expect(await open(outer.path)).toEqual(outer);
  });
});

describe('reuse', () => {
  test('an unchanged PATH gets the same directory, untouched', async () => {
    const { a, open } = layOut();
    install(a, 'gcc');
    const { directory } = await open();
    writeFileSync(join(directory, 'marker'), '');
    expect((await open()).directory).toBe(directory);
    expect(existsSync(join(directory, 'marker'))).toBe(true);
  });

  test('a compiler installed later gets its link', async () => {
    const { a, b, open } = layOut();
    install(a, 'gcc');
    const before = await open();
    install(b, 'clang');
    // The clock of a coarse file system may not have moved.
    utimesSync(b, 1, 1);
    const after = await open();
    expect(after.directory).not.toBe(before.directory);
    expect(linksIn(after.directory).sort()).toEqual(['clang', 'gcc']);
  });

  test('many pmakes at once make one directory and leave nothing else', async () => {
    const { a, runtimeDirectory, open } = layOut();
    install(a, 'gcc', 'cc');
    const opened = await Promise.all(Array.from({ length: 20 }, () => open()));
    expect(new Set(opened.map(({ directory }) => directory)).size).toBe(1);
    expect(readdirSync(join(runtimeDirectory, 'masquerade'))).toHaveLength(1);
  });

  test('old ones go, those in use within a day stay', async () => {
    const { root, runtimeDirectory, open } = layOut();
    const dayMs = 24 * 60 * 60_000;
    const paths = Array.from({ length: 12 }, (_, index) => join(root, `path${index}`));
    for (const [index, path] of paths.entries()) await open(path, NOW_MS - (index < 6 ? 2 * dayMs : 0));
    const last = await open(join(root, 'last'), NOW_MS + 1);
    const left = readdirSync(join(runtimeDirectory, 'masquerade'));
    // Six of today and the last one, and of the old ones what still fits.
    expect(left).toHaveLength(8);
    expect(left.map((name) => join(runtimeDirectory, 'masquerade', name))).toContain(last.directory);
    for (const path of paths.slice(6)) {
      const { directory } = await open(path, NOW_MS + 2);
      expect(left).toContain(directory.split('/').at(-1));
    }
  });
});

test('the preload library is beside the links', async () => {
  const { root, open } = layOut();
  expect(readlinkSync((await open()).preload)).toBe(join(root, 'preload'));
});

test('a runtime directory that cannot be written is a failure, not an exception', async () => {
  const { a, shim } = layOut();
  const opened = await openMasquerade({ runtimeDirectory: shim, shim, preload: shim, path: a, nowMs: NOW_MS });
  expect(opened.ok).toBe(false);
});
