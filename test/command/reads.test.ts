import { describe, expect, it, test } from 'vitest';
import { parseDriverLine } from '../../src/command/driver-line.ts';
import { nodeLocalName } from '../../src/command/node-local.ts';
import type { Reads } from '../../src/command/plan.ts';
import { readsOf } from '../../src/command/reads.ts';

const CWD = '/t/build';

function reads(words: string, env: Readonly<Record<string, string>> = {}): Reads {
  const line = parseDriverLine(words.split(' ').slice(1));
  return readsOf(line, CWD, new Map(Object.entries(env)), `${CWD}/src/a.c`);
}

const OWN = `${CWD}/src`;

describe('directories that a compile searches', () => {
  test.each<[string, readonly string[]]>([
    ['gcc -c src/a.c', []],
    ['gcc -Iinc -I /abs -iquote q -isystem sys -idirafter ../after', ['inc', '/abs', 'q', 'sys', '/t/after']],
    ['gcc --include-directory=x --include-directory-after y', ['x', 'y']],
    ['gcc -include gen/config.h -imacros m.h', ['gen', '.']],
    ['gcc -Wp,-I/tmp/x', ['/tmp/x']],
    ['gcc -Wp,-isystem,/tmp/x,-DA=/b', ['/tmp/x']],
    ['gcc -Xpreprocessor -I/tmp/x -Xpreprocessor -iquote -Xpreprocessor q', ['/tmp/x', 'q']],
    ['gcc -Wa,-I/tmp/x,-I,inc', ['/tmp/x', 'inc']],
    ['gcc -Xassembler -I/tmp/x', ['/tmp/x']],
    ['clang -Xclang -internal-isystem -Xclang /opt/x', ['/opt/x']],
    ['clang -Xclang -I/opt/x -Xclang -c-isystem -Xclang y', ['/opt/x', 'y']],
    ['clang -iframework fw -F f -cxx-isystem c -resource-dir r', ['fw', 'f', 'c', 'r']],
  ])('%s', (words, expected) => {
    const absolute = expected.map((path) => (path.startsWith('/') ? path : path === '.' ? CWD : `${CWD}/${path}`));
    expect(reads(words).directories).toEqual([OWN, ...absolute]);
  });

  test.each(['CPATH', 'C_INCLUDE_PATH', 'CPLUS_INCLUDE_PATH', 'OBJC_INCLUDE_PATH', 'OBJCPLUS_INCLUDE_PATH'])(
    'of %s, where an empty one is cwd',
    (name) => {
      expect(reads('gcc -c src/a.c', { [name]: '/tmp/x::y' }).directories).toEqual([OWN, '/tmp/x', CWD, `${CWD}/y`]);
    },
  );
});

describe('files that a compile names', () => {
  test.each<[string, readonly string[]]>([
    ['gcc -c src/a.c', ['src/a.c']],
    ['gcc -c /dev/null', []],
    ['gcc -include x.h -imacros y.h', ['x.h', 'y.h']],
    ['clang -include-pch p.pch -Xclang -include-pch -Xclang q.pch', ['p.pch', 'q.pch']],
    ['gcc -fplugin=./p.so -fplugin-arg-p-file=/x', ['p.so']],
    ['clang -Xclang -load -Xclang ./p.so', ['p.so']],
    ['gcc -specs=/opt/my.specs', ['/opt/my.specs']],
    ['clang --config=/opt/my.cfg', ['/opt/my.cfg']],
    ['gcc -fprofile-use=pgo -fauto-profile=x.afdo', ['pgo', 'x.afdo']],
    ['clang -fprofile-instr-use=p.profdata -fsanitize-ignorelist=l.txt', ['p.profdata', 'l.txt']],
    ['gcc -fsome-new-list=lists/one', ['lists/one']],
    ['gcc -Wa,@list', ['list']],
    ['clang -mllvm -some-list=lists/one', ['lists/one']],
    // Macros are texts, and so are patterns and names of functions.
    ['gcc -DNAME=/usr/share/x -DX -fstack-reuse=all -finstrument-functions-exclude-file-list=/a', []],
  ])('%s', (words, expected) => {
    expect(reads(words).files).toEqual(expected.map((path) => (path.startsWith('/') ? path : `${CWD}/${path}`)));
  });
});

describe('what decides where a compiler looks by itself', () => {
  test.each<[string, readonly string[]]>([
    ['gcc -c -O2 -g -Wall -DX -fPIC -std=gnu11 -Iinc src/a.c', []],
    ['gcc -nostdinc -m32', ['-nostdinc', '-m32']],
    ['gcc --sysroot=sr -isysroot /sr', ['--sysroot=/t/build/sr', '-isysroot', '/sr']],
    ['gcc -I=/usr/inc -isystem $SYSROOT/inc', ['-I=/usr/inc', '-isystem', '$SYSROOT/inc']],
    ['gcc -B tools/ -Bpre', ['-B', '/t/build/tools/', '-B/t/build/pre']],
    ['gcc -iprefix p/ -iwithprefix inc', ['-iprefix', '/t/build/p/', '-iwithprefix', 'inc']],
    ['gcc -specs=nano.specs -specs=./my.specs', ['-specs=nano.specs', '-specs=/t/build/my.specs']],
    ['clang -target arm-linux -stdlib=libc++', ['-target', 'arm-linux', '-stdlib=libc++']],
  ])('%s', (words, expected) => {
    expect(reads(words).searchWords).toEqual(expected);
  });

  it('and variables that lead it elsewhere', () => {
    const found = reads('gcc -c src/a.c', { COMPILER_PATH: 'bin:/opt/bin', GCC_EXEC_PREFIX: '/opt/gcc/', LANG: 'C' });
    expect(found.searchEnvironment).toEqual({ COMPILER_PATH: '/t/build/bin:/opt/bin', GCC_EXEC_PREFIX: '/opt/gcc/' });
    expect(found.programPrefixes).toEqual(['/t/build/bin', '/opt/bin', '/opt/gcc/']);
  });

  it('and prefixes of programs', () => {
    expect(reads('gcc -Btools/ --prefix=/opt/arm-').programPrefixes).toEqual(['/t/build/tools/', '/opt/arm-']);
  });

  it('files without a directory are looked for by the compiler', () => {
    expect(reads('gcc -specs=nano.specs -fplugin=p').ownFiles).toEqual(['nano.specs', 'plugin/p.so']);
  });
});

test.each<[string, Readonly<Record<string, string>>, string | undefined]>([
  ['gcc -c src/a.c', {}, undefined],
  ['gcc -c src/a.c -I/tmp/x', {}, '/tmp/x'],
  ['gcc -c src/a.c', { CPATH: '/usr/x:/tmp/y' }, '/tmp/y'],
  ['gcc -c src/a.c -Wp,-I/tmp/x', {}, '/tmp/x'],
  ['clang -c src/a.c -Xclang -internal-isystem -Xclang /run/x', {}, '/run/x'],
  ['gcc -c src/a.c', { COMPILER_PATH: '/tmp/bin' }, '/tmp/bin'],
  ['gcc -c src/a.c', { GCC_EXEC_PREFIX: '/var/tmp/gcc-' }, '/var/tmp/gcc-'],
  ['gcc -c src/a.c --sysroot=/tmp/sr', {}, '/tmp/sr'],
  ['gcc -c src/a.c -DX=/tmp/x', {}, undefined],
])('what each machine has for itself in %s %j: %s', (words, env, expected) => {
  expect(nodeLocalName(reads(words, env), CWD)).toBe(expected);
});
