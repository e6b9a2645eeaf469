/**
 * The program that `pmake` is, as npm puts it on PATH: Node.js with pmake's script, or plain make where Node.js cannot
 * live. In C, and as the script that stands in where there was no C compiler at install.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../../make/temporary-directory.ts';
import { type Ran, type Workplace, workplace } from './installation.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NODE_DIRECTORY = dirname(process.execPath);
/** What pmake prints is one line, and nothing else is changed. */
const SAID = /^pmake: all of it here, by plain make: [^\n]*\n$/;

const PMAKECTL = join(ROOT, 'dist/cli/pmakectl.js');

beforeAll(() => {
  if (!existsSync(join(ROOT, 'dist/cli/pmake.cjs'))) throw new Error("dist/ is missing: run 'npm run build' first");
});

/** Installations of their own: what is told by their places is not the checkout's. */
function install(launcher: 'C' | 'sh'): string {
  const root = temporaryDirectory();
  const path = join(root, 'dist/shims/pmake');
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(ROOT, 'dist/cli'), join(root, 'dist/cli'));
  if (launcher === 'C') copyFileSync(join(ROOT, 'dist/shims/pmake'), path);
  else cpSync(join(ROOT, 'shims/pmake.sh'), path);
  return path;
}

/** A shell's command in the workplace; `pmake` is on PATH by a link, as npm makes it. */
function shell(place: Workplace, pmake: string, command: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const links = join(place.directory, '.links');
  mkdirSync(links, { recursive: true });
  if (!existsSync(join(links, 'pmake'))) {
    symlinkSync(pmake, join(links, 'pmake'));
    // Where there is room for Node.js, pmake starts a dispatcher, which would write of its builds into what is removed.
    onTestFinished(async () => {
      await place.run(process.execPath, [PMAKECTL, 'stop']);
    });
  }
  return place.run('bash', ['-c', command], {
    PATH: `${links}:${NODE_DIRECTORY}:${place.env.PATH ?? ''}`,
    PMAKE_NODES: '',
    ...env,
  });
}

const MAKEFILE = `a.o: a.c ; gcc -c a.c -o a.o
b.o: b.c ; gcc -c b.c
all: a.o b.o ; @echo "made $(X) by $(MAKE), $(MAKELEVEL), $(MAKEFLAGS)"
a.c b.c: ; @echo 'int x;' >$@
fails: ; @exit 3
`;

describe.each(['C', 'sh'] as const)('in %s', (launcher) => {
  test.each([
    ['-v 600000', 'address space'],
    ['-v 1000000', 'address space'],
    ['-S -v 600000', 'address space'],
    ['-d 50000', 'data'],
    ['-s 200', 'stack'],
    ['-n 20', 'open files'],
    ['-t 10', 'CPU time'],
  ])('below ulimit %s it is plain make', async (limit, what) => {
    const pmake = install(launcher);
    for (const words of ['-j1 all X="a  b"', 'fails', '-k no-such', '--no-such', '-- -x']) {
      const [plain, ours, told] = await Promise.all(
        [`make ${words}`, `pmake ${words}`, `PMAKE_SUMMARY=1 pmake ${words}`].map(async (command) => {
          const place = workplace(MAKEFILE);
          const ran = await shell(place, pmake, `ulimit ${limit} && exec ${command.replace(/(.*=1) /, 'env $1 ')}`);
          const object = join(place.directory, 'a.o');
          return { ...ran, object: existsSync(object) ? readFileSync(object).toString('hex') : '' };
        }),
      );
      expect(ours, words).toEqual(plain);
      const [line = '', ...rest] = told?.stderr.match(/[^\n]*\n/g) ?? [];
      expect({ ...told, stderr: rest.join('') }).toEqual(plain);
      expect(line).toMatch(SAID);
      expect(line).toContain(what);
    }
  });

  test.each([['-v 4000000'], ['-d 1000000'], ['-n 256'], ['-s 8192']])('below ulimit %s it is pmake', async (limit) => {
    const ran = await shell(workplace(''), install(launcher), `ulimit ${limit} && exec pmake --pmake-version`);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^pmake \d/) as string, stderr: '' });
  });

  test('what only Node.js can do is refused, and --pmake-local is what is done anyway', async () => {
    const place = workplace('all: ; @echo "$$PMAKE_LOCAL"\n--pmake-version: ; @echo target\n');
    const pmake = install(launcher);
    const version = await shell(place, pmake, 'ulimit -v 600000 && exec pmake --pmake-version');
    expect(version).toMatchObject({ code: 2, stdout: '' });
    expect(version.stderr).toContain('needs Node.js');
    expect((await shell(place, pmake, 'ulimit -v 600000 && exec pmake all --pmake-local')).stdout).toBe('1\n');
    expect((await shell(place, pmake, 'ulimit -v 600000 && exec pmake -- --pmake-version')).stdout).toBe('target\n');
  });

  test('make is found as pmake finds it: PMAKE_MAKE, and never pmake by another name', async () => {
    const place = workplace('all: ; @echo "made by $(MAKE), $(MAKELEVEL)"');
    const pmake = install(launcher);
    const limited = (command: string): Promise<Ran> => shell(place, pmake, `ulimit -v 600000; ${command}`);
    expect((await limited('PMAKE_MAKE=/usr/bin/make exec pmake')).stdout).toBe('made by /usr/bin/make, 0\n');
    expect(await limited('PMAKE_MAKE=/nowhere/make exec pmake')).toMatchObject({ code: 127, stdout: '' });
    expect(await limited('PMAKE_MAKE=pmake exec pmake')).toMatchObject({ code: 127, stdout: '' });
    expect(await limited('PATH=.links:/nowhere exec pmake')).toMatchObject({ code: 127, stdout: '' });
    symlinkSync(pmake, join(place.directory, '.links/make'));
    const linked = await limited('exec pmake');
    if (launcher === 'C') expect(linked.stdout).toMatch(/^made by \/.*\/make, 0\n$/);
    else expect(linked).toMatchObject({ code: 127, stdout: '' });
  });

  test('a script called make that calls pmake comes to an end', async () => {
    const place = workplace('all: ; @echo "made by $(MAKE)"');
    const pmake = install(launcher);
    writeFileSync(join(place.directory, 'make'), '#!/bin/sh\nexec pmake "$@"\n', { mode: 0o755 });
    const ran = await shell(place, pmake, `ulimit -v 600000; PATH=${place.directory}:$PATH exec pmake`);
    if (launcher === 'C') expect(ran.stdout).toMatch(/^made by \/.*\/make\n$/);
    else expect(ran).toMatchObject({ code: 127, stderr: expect.stringContaining('leads back to pmake') as string });
  });

  test('what Node.js reads is for the recipes’ own, and not for ours', async () => {
    // Ours would not start with it.
    const settings = { NODE_OPTIONS: '--require=/no/such/file', NODE_ENV: 'a  b', UV_X: '1', OPENSSL_CONF: '/no/such' };
    const recipe = `env | grep -E '^(_PMAKE_HIDDEN|NODE|UV_|OPENSSL)' | sort`;
    const makefile = `all: ; @${recipe}\n`;
    const pmake = install(launcher);
    const plain = await shell(workplace(makefile), pmake, 'exec make', settings);
    expect(plain.stdout).toMatch(/^NODE_ENV=a {2}b\nNODE_OPTIONS=/);
    expect(await shell(workplace(makefile), pmake, 'exec pmake', settings)).toEqual(plain);
    expect(await shell(workplace(makefile), pmake, 'exec pmake -j2 --pmake-local', settings)).toEqual(plain);
    expect(await shell(workplace(makefile), pmake, 'ulimit -v 600000; exec pmake', settings)).toEqual(plain);
  });

  test('without any Node.js on PATH it is plain make, or pmake by the Node.js that installed it', async () => {
    const place = workplace('all: ; @echo made');
    const pmake = install(launcher);
    const ran = await shell(place, pmake, 'exec pmake', { PATH: `${place.directory}/.links:/bin`, PMAKE_SUMMARY: '1' });
    expect(ran).toMatchObject({ code: 0, stdout: 'made\n' });
    expect(ran.stderr).toMatch(/^pmake: /);
  });
});

test('words and environment pass through the program untouched', async () => {
  const place = workplace(
    `all: ; @tr '\\0' '\\n' </proc/$$PPID/environ | grep -a '^odd' | od -c; printf '%s' '$(X)' | od -c\n`,
  );
  // Neither a shell nor env(1) would hand these on; Debian always has Perl.
  const run = (program: string): Promise<Ran> => {
    const variables = `$ENV{"odd.name"} = 1; $ENV{"odd-\\xff"} = "a\\nb";`;
    const script = `${variables} exec {"${program}"} "make", "-j1", "X=caf\\xe9 \\""`;
    return shell(place, install('C'), `exec perl -e '${script}'`, { PMAKE_NODES: undefined });
  };
  const plain = await run('/usr/bin/make');
  expect(plain.code).toBe(0);
  expect(plain.stdout).toContain('o   d   d   .   n   a   m   e');
  expect(await run(join(ROOT, 'dist/shims/pmake'))).toEqual(plain);
});

test('the script that stands in is what a build without a C compiler leaves', () => {
  const copy = temporaryDirectory();
  for (const name of ['scripts', 'shims', 'dist/cli', 'package.json']) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  const env = { ...process.env, CC: '/no/such/cc' };
  execFileSync(join(copy, 'scripts/build'), { env, stdio: 'pipe' });
  expect(readFileSync(join(copy, 'dist/shims/pmake'), 'utf8')).toMatch(/^#!\/bin\/sh\n/);
  // And it goes when there is one.
  execFileSync(join(copy, 'scripts/build'), { stdio: 'pipe' });
  expect(readFileSync(join(copy, 'dist/shims/pmake')).subarray(1, 4).toString()).toBe('ELF');
});
