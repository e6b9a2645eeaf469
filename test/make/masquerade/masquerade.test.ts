import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openMasquerade } from '../../../src/make/masquerade/masquerade.ts';
import { install, layOut, namesIn, NOW_MS, SHIM } from './lay-out.ts';

const DAY_MS = 24 * 60 * 60_000;

/** File systems without hard links. */
const hasLinks = { value: true };
vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs')>();
  const linkSync: typeof real.linkSync = (existing, path) => {
    if (!hasLinks.value) throw Object.assign(new Error('EPERM'), { code: 'EPERM' });
    real.linkSync(existing, path);
  };
  return { ...real, linkSync };
});

function withoutLinks<T>(run: () => T): T {
  hasLinks.value = false;
  try {
    return run();
  } finally {
    hasLinks.value = true;
  }
}

describe('which programs get a shim', () => {
  test.each([
    ['cc', 'c++', 'gcc', 'g++', 'clang', 'clang++'],
    ['gcc-12', 'g++-12', 'gcc-4.9', 'clang-14', 'clang++-14'],
    ['x86_64-linux-gnu-gcc', 'x86_64-linux-gnu-g++-12', 'aarch64-linux-gnu-gcc-12', 'arm-none-eabi-cc', 'riscv64-c++'],
    ['ld', 'ld.bfd', 'ld.gold', 'ld.lld', 'ld.lld-14', 'ld.mold', 'x86_64-linux-gnu-ld', 'x86_64-linux-gnu-ld.bfd'],
    ['ar', 'gcc-ar', 'gcc-ar-12', 'llvm-ar', 'llvm-ar-14', 'x86_64-linux-gnu-ar', 'x86_64-linux-gnu-gcc-ar-12'],
    ['ccache', 'musl-gcc'],
  ])('%s and its like', (...names) => {
    const { a, open } = layOut();
    install(a, names);
    const { directory, home, compilers } = open();
    expect(namesIn(directory)).toEqual([...names].sort());
    for (const name of names) {
      const path = join(directory, name);
      expect([lstatSync(path).isFile(), readFileSync(path, 'latin1'), realpathSync(path)]).toEqual([true, SHIM, path]);
      expect(readlinkSync(join(home, 'found', name))).toBe(join(a, name));
      expect(compilers.get(name)).toBe(join(a, name));
    }
  });

  test.each([
    ...['distcc', 'ld.so', 'ld-linux.so.2', 'ldd', 'c89-gcc', 'c99-gcc', 'tar', 'jar', 'gccgo', 'make', 'pcc', 'p++'],
    ...['gcc-config', '.gcc', 'sizeof', 'asan', 'strip-it', 'cppcheck', 'arm-linux-objcopy'],
  ])('not %s', (name) => {
    const { a, open } = layOut();
    install(a, [name, 'gcc']);
    expect(namesIn(open().directory)).toEqual(['gcc']);
  });

  test('neither a directory, nor what may not be run, nor a link to nothing, nor a shim', () => {
    const { a, b, open } = layOut();
    install(a, { gcc: '\x7fELF', 'g++': SHIM, 'c++': SHIM });
    install(b, ['c++']);
    mkdirSync(join(a, 'cc'));
    writeFileSync(join(a, 'clang'), '');
    symlinkSync('/nonexistent', join(a, 'ld'));
    const { directory, compilers } = open();
    expect(namesIn(directory)).toEqual(['c++', 'gcc']);
    expect(compilers.get('c++')).toBe(join(b, 'c++'));
  });
});

describe('links next to them', () => {
  test.each([
    ...['objcopy', 'objdump', 'nm', 'strip', 'as', 'ranlib', 'readelf', 'size', 'strings', 'addr2line', 'c++filt'],
    ...['gcov', 'gcov-12', 'gcov-tool', 'gcov-dump-12', 'gprof', 'elfedit', 'gcc-nm', 'gcc-ranlib-12', 'cpp', 'cpp-12'],
    ...[
      'llvm-objcopy',
      'llvm-strip-14',
      'clang-format',
      'clang-tidy-14',
      'clang-cpp-14',
      'lld',
      'ld64.lld',
      'dwp',
      'gdb',
    ],
    ...['arm-linux-gnueabi-objcopy', 'arm-linux-gnueabi-anything', 'arm-linux-gnueabi-gcov-12'],
  ])('%s', (name) => {
    const { a, open } = layOut();
    install(a, ['gcc', 'clang', 'arm-linux-gnueabi-gcc-12', name]);
    expect(readlinkSync(join(open().directory, name))).toBe(join(a, name));
  });

  test("PATH's first, whichever directory has the compiler", () => {
    const { a, b, open } = layOut();
    install(a, ['nm', 'gcc']);
    install(b, ['nm', 'objcopy']);
    const { directory } = open();
    expect(['nm', 'objcopy'].map((name) => readlinkSync(join(directory, name)))).toEqual([
      join(a, 'nm'),
      join(b, 'objcopy'),
    ]);
  });

  test('nothing behind a relative entry of PATH, where another program may come first', () => {
    const { a, b, open } = layOut();
    install(a, ['nm', 'gcc']);
    install(b, ['objcopy', 'g++']);
    expect(namesIn(open({ path: `${a}:bin:${b}` }).directory)).toEqual(['g++', 'gcc', 'nm']);
  });

  test('not even clang, where PATH has none', () => {
    const { a, b, open } = layOut();
    install(a, ['gcc']);
    install(b, ['clang', 'clang-format']);
    open();
    expect(namesIn(open({ path: a }).directory)).toEqual(['gcc']);
  });
});

describe('PATH', () => {
  test('the masquerade goes first, and the rest stays as it was', () => {
    const { a, b, open } = layOut();
    const path = `${a}::relative:${b}:/nonexistent:`;
    const { directory, path: changed } = open({ path });
    expect(changed).toBe(`${directory}:${path}`);
  });

  test('below another pmake, of whatever version, it is not added twice', () => {
    const { a, options, open } = layOut();
    install(a, ['gcc']);
    const outer = open();
    const other = open({ version: '0.9', env: { XDG_CACHE_HOME: `${options.runtimeDirectory}/other` } });
    const inner = open({ path: `${other.path.split(':')[0] ?? ''}:${outer.path}` });
    expect({ ...inner, restore: undefined }).toEqual({ ...outer, restore: undefined });
  });
});

describe('where it is', () => {
  test('in the cache, by version, in directories that are the user alone', () => {
    const { a, cache, open } = layOut();
    install(a, ['gcc']);
    const { home, isTemporary } = open();
    expect(dirname(home)).toBe(join(cache, '1.2.3'));
    expect(isTemporary).toBe(false);
    for (const path of [dirname(cache), cache, dirname(home), home, join(home, 'bin'), join(home, 'found')]) {
      expect(statSync(path).mode & 0o777, path).toBe(0o700);
    }
  });

  test.each<[string, (cache: string) => void]>([
    ['is open to others', (cache) => mkdirSync(cache, { mode: 0o755 })],
    ['is a link', (cache) => symlinkSync(dirname(dirname(cache)), cache)],
    ['is a file', (cache) => writeFileSync(cache, '')],
    [
      'lies where others write',
      (cache) => {
        chmodSync(dirname(cache), 0o777);
      },
    ],
  ])('with the sockets, where the one in the cache %s', (_, spoil) => {
    const { a, cache, options, open } = layOut();
    install(a, ['gcc']);
    mkdirSync(dirname(cache), { mode: 0o700 });
    spoil(cache);
    const { home, isTemporary } = open();
    expect(home.startsWith(`${options.runtimeDirectory}/masquerade/`)).toBe(true);
    expect(isTemporary).toBe(true);
  });

  test.skipIf(process.geteuid?.() !== 0)("not in another user's cache, which root would leave files in", () => {
    const { a, root, options, open } = layOut();
    install(a, ['gcc']);
    const foreign = join(root, 'foreign');
    mkdirSync(foreign);
    chownSync(foreign, 65_534, 65_534);
    expect(open({ env: { XDG_CACHE_HOME: foreign } }).home.startsWith(options.runtimeDirectory)).toBe(true);
    expect(readdirSync(foreign)).toEqual([]);
  });

  test.each([
    ['a colon', 'co:lon'],
    ['a blank', 'bl ank'],
    ['a dollar', 'do$llar'],
  ])('with the sockets, where the cache has %s in its path', (_, name) => {
    const { a, root, options, open } = layOut();
    install(a, ['gcc']);
    const { home } = open({ env: { XDG_CACHE_HOME: join(root, name) } });
    expect(home.startsWith(options.runtimeDirectory)).toBe(true);
  });

  test('a place that cannot be written is a failure, not an exception', () => {
    const { a, options } = layOut();
    // The last place that is tried is the user's own.
    const version = join(`/tmp/pmake-${process.geteuid?.() ?? 0}`, 'masquerade', options.version);
    onTestFinished(() => rmSync(version, { recursive: true, force: true }));
    const opened = openMasquerade({ ...options, shim: join(a, 'missing') });
    expect(opened.ok).toBe(false);
  });
});

describe('reuse', () => {
  test('an unchanged PATH gets the same directory, untouched', () => {
    const { a, open } = layOut();
    install(a, ['gcc', 'objcopy']);
    const { home } = open();
    const { ino } = statSync(join(home, 'state.json'));
    expect(open().home).toBe(home);
    expect(statSync(join(home, 'state.json')).ino).toBe(ino);
  });

  test('a package that brings no compiler leaves it, as does an upgrade of one', () => {
    const { a, open } = layOut();
    install(a, ['gcc']);
    const { home } = open();
    install(a, { make: '', gcc: '\x7fELF of another version' });
    touchLater(a);
    expect(open().home).toBe(home);
  });

  test('a compiler that is installed later gets its shim, and one that is removed has none', () => {
    const { a, b, open } = layOut();
    install(a, ['gcc']);
    const before = open();
    install(b, ['clang']);
    touchLater(b);
    const after = open();
    expect(after.home).not.toBe(before.home);
    expect(namesIn(after.directory)).toEqual(['clang', 'gcc']);
    rmSync(join(b, 'clang'));
    touchLater(b, 2);
    expect(open().home).toBe(before.home);
  });

  test('another pcc is another masquerade: what was written down of the old one still leads to that', () => {
    const { a, options, open } = layOut();
    install(a, ['gcc']);
    const before = open();
    install(dirname(options.shim), { pcc: `${SHIM}rebuilt` });
    const after = open();
    expect(after.home).not.toBe(before.home);
    expect(readFileSync(join(before.directory, 'gcc'), 'latin1')).toBe(SHIM);
    expect(readFileSync(join(after.directory, 'gcc'), 'latin1')).toBe(`${SHIM}rebuilt`);
  });

  test('a pmake that is interrupted, or beaten by another one, leaves nothing half made', () => {
    const { a, cache, open } = layOut();
    install(a, ['gcc', 'cc']);
    const { home } = open();
    const names = readdirSync(dirname(home)).sort();
    // As if the other one had just put it there.
    rmSync(join(cache, '1.2.3', 'paths'), { recursive: true });
    expect(open().home).toBe(home);
    expect(readdirSync(dirname(home)).sort()).toEqual(names);
  });
});

/** The clock of a coarse file system may not have moved. */
function touchLater(directory: string, seconds = 1): void {
  utimesSync(directory, NOW_MS / 1000 + seconds, NOW_MS / 1000 + seconds);
}

describe('entries that are gone or spoilt are made again', () => {
  const DAMAGES: [string, (home: string) => void][] = [
    ['a shim is deleted', (home) => unlinkSync(join(home, 'bin/gcc'))],
    ['all shims are deleted', (home) => rmSync(join(home, 'bin'), { recursive: true })],
    ['pcc is deleted', (home) => unlinkSync(join(home, 'pcc'))],
    ['the shims are cut', (home) => truncateSync(join(home, 'bin/gcc'), 3)],
    ['a shim is replaced', (home) => replace(join(home, 'bin/gcc'), 'other')],
    ['a shim became a link', (home) => relink(join(home, 'bin/gcc'), '/bin/true')],
    [
      'a shim became a directory',
      (home) => (unlinkSync(join(home, 'bin/gcc')), mkdirSync(join(home, 'bin/gcc/x'), { recursive: true })),
    ],
    ['a link next to them is deleted', (home) => unlinkSync(join(home, 'bin/nm'))],
    ['a link next to them leads elsewhere', (home) => relink(join(home, 'bin/nm'), '/bin/true')],
    ['where a program was is forgotten', (home) => unlinkSync(join(home, 'found/gcc'))],
    ['the way to the installation is lost', (home) => unlinkSync(join(home, 'installed'))],
    ['the way to the preload library is lost', (home) => unlinkSync(join(home, '.libasan.so'))],
    ['something was added', (home) => writeFileSync(join(home, 'bin/clang'), '', { mode: 0o755 })],
    ['its own notes are gone', (home) => unlinkSync(join(home, 'state.json'))],
    ['its own notes are spoilt', (home) => writeFileSync(join(home, 'state.json'), '{"shim":1}')],
    ['its own notes lack a part', (home) => changeNotes(home, { stamps: null })],
    ['its own notes name what is outside', (home) => changeNotes(home, { siblings: [['../nm', '/usr/bin/nm']] })],
    ['all of it is gone', (home) => rmSync(home, { recursive: true })],
  ];

  function changeNotes(home: string, changes: object): void {
    const path = join(home, 'state.json');
    const notes = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...notes, ...changes }));
  }

  function picture(home: string): unknown[] {
    return ['', 'bin', 'found'].flatMap((folder) =>
      readdirSync(join(home, folder))
        .filter((name) => name !== 'state.json')
        .sort()
        .map((name) => {
          const path = join(home, folder, name);
          const stat = lstatSync(path);
          const text = stat.isSymbolicLink() ? readlinkSync(path) : stat.isFile() ? readFileSync(path, 'latin1') : '';
          return [folder, name, stat.mode, text];
        }),
    );
  }

  for (const how of ['hard links', 'copies'] as const) {
    test.each(DAMAGES)(`where %s (${how})`, (_, damage) => {
      const { a, open } = layOut();
      install(a, ['gcc', 'cc', 'nm']);
      const run = how === 'copies' ? withoutLinks : <T>(call: () => T): T => call();
      const { home } = run(open);
      expect(statSync(join(home, 'bin/gcc')).nlink).toBe(how === 'copies' ? 1 : 3);
      const before = picture(home);
      damage(home);
      expect(run(open).home).toBe(home);
      expect(picture(home)).toEqual(before);
      expect(run(open).restore()).toBe(false);
    });
  }

  test('while a build runs as well', () => {
    const { a, open } = layOut();
    install(a, ['gcc']);
    const { home, directory, restore } = open();
    expect(restore()).toBe(false);
    unlinkSync(join(directory, 'gcc'));
    expect(restore()).toBe(true);
    expect(namesIn(directory)).toEqual(['gcc']);
    rmSync(dirname(dirname(home)), { recursive: true });
    expect(restore()).toBe(true);
    expect(namesIn(directory)).toEqual(['gcc']);
  });

  function replace(path: string, text: string): void {
    writeFileSync(`${path}.new`, text, { mode: 0o755 });
    renameSync(`${path}.new`, path);
  }

  function relink(path: string, target: string): void {
    unlinkSync(path);
    symlinkSync(target, path);
  }
});

describe('old masquerades', () => {
  test('stay for more than a year after their last use, since CMake may have written them down', () => {
    const { a, b, cache, open } = layOut();
    install(a, ['gcc']);
    const aged = (days: number, name: string): string => {
      install(b, [name]);
      touchLater(b, days);
      const { home } = open({ version: '0.1' });
      const at = (NOW_MS - days * DAY_MS) / 1000;
      for (const path of [home, join(home, 'pcc')]) utimesSync(path, at, at);
      rmSync(join(b, name));
      return home;
    };
    const [old, recent] = [aged(401, 'clang'), aged(399, 'clang++')];
    // Built with by a plain make, which only executes what is in it.
    const executed = aged(500, 'ld');
    utimesSync(join(executed, 'pcc'), NOW_MS / 1000, NOW_MS / 1000 - 500 * 86_400);
    const unfinished = join(cache, '0.1', `${basename(old)}.123-abcd`);
    mkdirSync(unfinished);
    utimesSync(unfinished, NOW_MS / 1000 - 90_000, NOW_MS / 1000 - 90_000);
    touchLater(b, 600);
    const { home } = open();
    expect([old, recent, executed, unfinished, home].map((path) => existsSync(path))).toEqual([
      false,
      true,
      true,
      false,
      true,
    ]);
  });

  test('one that is in use is as young as its last build', () => {
    const { a, b, open } = layOut();
    install(a, ['gcc']);
    const { home } = open();
    open({ nowMs: NOW_MS + 500 * DAY_MS });
    install(b, ['clang']);
    touchLater(b, 7);
    open({ nowMs: NOW_MS + 600 * DAY_MS });
    expect(existsSync(home)).toBe(true);
  });
});

test('the preload library is in the directory of the shims, by a name that AddressSanitizer accepts', () => {
  const { options, open } = layOut();
  const { home, preload } = open();
  expect(preload).toBe(join(home, '.libasan.so'));
  expect(readlinkSync(preload)).toBe(options.preload);
});
