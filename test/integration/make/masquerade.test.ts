/**
 * What makefiles, CMake and cleaners of temporary files make of the directory that pmake puts in front of PATH. Real
 * shims, real make, real compilers; no dispatcher, so all of it runs here.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { PCC } from '../../rig/pmake.ts';
import { installForTests, type Ran, type Workplace, workplace } from './installation.ts';

const installed = installForTests();
const PMAKE = installed.script('pmake');

beforeAll(() => copyFileSync(PCC, installed.shim));

/** What both print and leave, in directories of the same name. */
async function compare(
  makefile: string,
  words: readonly string[] = [],
  prepare: (place: Workplace) => NodeJS.ProcessEnv = () => ({}),
): Promise<{ readonly place: Workplace; readonly ran: Ran }> {
  const results: { place: Workplace; ran: Ran; files: Record<string, string> }[] = [];
  for (const program of ['make', PMAKE]) {
    const place = workplace(makefile);
    writeFileSync(join(place.directory, 'a.c'), 'int a(void) { return 1; }\n');
    const env = prepare(place);
    const ran = await place.run(program, ['-j1', ...words], env);
    const objects = readdirSync(place.directory).filter((name) => name.endsWith('.o'));
    const files = objects.map((name) => [name, readFileSync(join(place.directory, name)).toString('hex')]);
    results.push({ place, ran, files: Object.fromEntries(files) as Record<string, string> });
  }
  const [plain, ours] = results;
  if (plain === undefined || ours === undefined) throw new Error('two programs');
  expect(ours.ran).toEqual(plain.ran);
  expect(ours.files).toEqual(plain.files);
  return ours;
}

/** A compiler that PATH has in a directory of its own, by a name that no other has; it marks what it compiles. */
function installCompiler(place: Workplace, name: string): string {
  const tools = join(place.directory, 'tools');
  mkdirSync(tools, { recursive: true });
  writeFileSync(
    join(tools, `${name}.c`),
    `#include <unistd.h>
     int main(int count, char **words) {
       char *with[count + 2];
       with[0] = "gcc"; with[1] = "-DMARK=\\"${name}\\"";
       for (int index = 1; index <= count; index++) with[index + 1] = words[index];
       return execv("/usr/bin/gcc", with);
     }`,
  );
  expect(spawnSync('/usr/bin/gcc', ['-w', '-o', join(tools, name), join(tools, `${name}.c`)]).status).toBe(0);
  return `${tools}:${place.env.PATH ?? ''}`;
}

describe('a makefile that asks where the compiler is', () => {
  test('and follows the links there gets that compiler', async () => {
    const makefile = `CC := $(realpath $(shell which mips-foo-gcc))
all: a.o b.o
b.c: ; @echo 'const char *mark = MARK;' >$@
%.o: %.c ; @$(CC) -c $< -o $@ && echo "$(notdir $(CC))"
`;
    const { ran } = await compare(makefile, [], (place) => ({ PATH: installCompiler(place, 'mips-foo-gcc') }));
    expect(ran).toMatchObject({ code: 0, stdout: 'mips-foo-gcc\nmips-foo-gcc\n' });
  });

  test.each([
    ['all: ; @$(dir $(shell which gcc))objcopy --version | head -1'],
    [
      'all: ; @for tool in nm strip as ranlib readelf gcov cpp; do $(dir $(shell which gcc))$$tool --version || exit; done',
    ],
    ['GCC := $(shell which x86_64-linux-gnu-gcc)\nall: ; @$(GCC:gcc=strip) --version'],
    ['all: ; @which clang-99 no-such-gcc || echo none'],
    ['all: a.c ; @gcc -v -c a.c -o a.o 2>&1 | grep -v /tmp'],
    ['all: ; @ar t no.a; ld no.o; gcc no.c; as no.s; true'],
  ])('%s', async (makefile) => {
    await compare(makefile);
  });

  test('is told so where PATH has no such program', async () => {
    const { ran } = await compare('all: ; @which clang cc g++ || echo none', [], (place) => {
      const bin = join(place.directory, 'bin');
      mkdirSync(bin);
      for (const name of ['sh', 'echo', 'which', 'make', 'gcc']) {
        symlinkSync(existsSync(`/bin/${name}`) ? `/bin/${name}` : `/usr/bin/${name}`, join(bin, name));
      }
      return { PATH: bin };
    });
    expect(ran.stdout).toBe('none\n');
  });
});

describe.skipIf(spawnSync('cmake', ['--version']).status !== 0)('what cmake has found below pmake', () => {
  const LISTS = 'cmake_minimum_required(VERSION 3.10)\nproject(p C)\nadd_library(p STATIC a.c)\n';

  async function configure(): Promise<{ readonly place: Workplace; readonly build: string; readonly cache: string }> {
    const place = workplace('all: ; @cmake -S . -B build >log 2>&1 && $(MAKE) -C build >>log 2>&1');
    writeFileSync(join(place.directory, 'a.c'), 'const char *mark = MARK;\n');
    writeFileSync(join(place.directory, 'CMakeLists.txt'), LISTS);
    const ran = await place.run(PMAKE, ['-j1'], { PATH: installCompiler(place, 'foo-gcc'), CC: 'foo-gcc' });
    expect(ran, readFileSync(join(place.directory, 'log'), 'utf8')).toMatchObject({ code: 0, stderr: '' });
    const build = join(place.directory, 'build');
    return { place, build, cache: readFileSync(join(build, 'CMakeCache.txt'), 'utf8') };
  }

  test('serves a plain make after a reboot, with a PATH that has the compiler no longer', async () => {
    const { place, build, cache } = await configure();
    const [, recorded = ''] = /^CMAKE_C_COMPILER:\w+=(.*)$/m.exec(cache) ?? [];
    expect(recorded).toMatch(/\/\.cache\/pmake\/masquerade\/.*\/bin\/foo-gcc$/);
    const object = join(build, 'CMakeFiles/p.dir/a.c.o');
    const before = readFileSync(object);
    rmSync(object);
    rmSync(place.runtimeDirectory, { recursive: true });
    const ran = await place.run('make', ['-C', 'build'], {
      PMAKE_RUNTIME_DIR: undefined,
      XDG_RUNTIME_DIR: place.directory,
    });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(object).equals(before)).toBe(true);
    expect(before.includes('foo-gcc')).toBe(true);
  });

  test('names the real tools', async () => {
    const { cache } = await configure();
    for (const tool of ['NM', 'OBJCOPY', 'STRIP', 'RANLIB', 'READELF']) {
      const [, path = ''] = new RegExp(`^CMAKE_${tool}:\\w+=(.*)$`, 'm').exec(cache) ?? [];
      expect(spawnSync(path, ['--version']).status, `${tool}: ${path}`).toBe(0);
    }
  });

  test('is not taken for a compiler by full path in the next build', async () => {
    const { place } = await configure();
    writeFileSync(join(place.directory, 'Makefile'), 'all: ; @echo "[$$LD_PRELOAD]"');
    expect(await place.run(PMAKE, ['-j1'])).toMatchObject({ code: 0, stdout: '[]\n' });
  });
});

describe('the directory', () => {
  const FIRST = '"$${PATH%%:*}"';
  const SHOW = `all: ; @echo ${FIRST}`;

  test('has another place, where the path of the usual one has a colon', async () => {
    const place = workplace(SHOW);
    const ran = await place.run(PMAKE, [], { XDG_CACHE_HOME: join(place.directory, 'a:b') });
    expect(ran.stdout.startsWith(`${place.runtimeDirectory}/masquerade/`)).toBe(true);
  });

  test.each([
    ['all of it', 'rm -rf "$$PMAKE_RUNTIME_DIR/masquerade"'],
    ['some entries', `rm -f ${FIRST}/gcc ${FIRST}/nm`],
  ])(
    'that lies among temporary files is made again when a cleaner deletes %s, and the summary says so',
    async (_, remove) => {
      const place = workplace(
        `all: ; @echo ${FIRST}; ${remove}; until [ -e ${FIRST}/gcc ] && [ -e ${FIRST}/nm ]; do sleep 0.1; done; ls ${FIRST} | wc -l\n`,
      );
      mkdirSync(join(place.directory, '.cache/pmake/masquerade'), { recursive: true });
      // Open to others: not used.
      chmodSync(join(place.directory, '.cache/pmake/masquerade'), 0o755);
      const ran = await place.run(PMAKE, ['-j1'], { PMAKE_SUMMARY: '1' });
      const [directory = '', count] = ran.stdout.split('\n');
      expect(directory.startsWith(place.runtimeDirectory)).toBe(true);
      expect(Number(count)).toBe(readdirSync(directory).length);
      expect(ran.stderr).toContain('deleted during the build');
    },
  );

  test('is made again by the next pmake, where entries of it are gone', async () => {
    const place = workplace(SHOW);
    const directory = (await place.run(PMAKE)).stdout.trim();
    const names = readdirSync(directory);
    rmSync(join(directory, 'gcc'));
    expect((await place.run(PMAKE)).stdout.trim()).toBe(directory);
    expect(readdirSync(directory)).toEqual(names);
  });
});
