import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identifyCompiler } from '../../src/tree/compiler-identity.ts';

const CLANG = '/usr/bin/clang';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-identity-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** A driver of the test with the tools `cc1` and `as` in its directory. */
function writeDriver(version: string): string {
  const driver = join(directory, 'gcc');
  const script = [
    '#!/bin/sh',
    `case $1 in`,
    `-v) echo "${version}" >&2 ;;`,
    '-dumpmachine) echo here ;;',
    `-print-search-dirs) echo "install: ${directory}/"; echo "programs: =${directory}/first/:${directory}/" ;;`,
    `-print-prog-name=cc1) echo ${directory}/cc1 ;;`,
    `-print-prog-name=cc1plus) [ -e ${directory}/cc1plus ] && echo ${directory}/cc1plus || echo cc1plus ;;`,
    '-print-prog-name=*) echo "${1#*=}" ;;',
    'esac',
  ];
  writeFileSync(driver, script.join('\n'));
  chmodSync(driver, 0o755);
  writeFileSync(join(directory, 'cc1'), 'cc1');
  writeFileSync(join(directory, 'as'), 'as');
  return driver;
}

describe('a compiler', () => {
  it('is known by what it says and by its programs, found by name or on PATH', async () => {
    const program = writeDriver('gcc version 1');
    const facts = await identifyCompiler({ program, searchPath: `${directory}:/bin` });
    expect(facts).toMatchObject({ isPresent: true, isComplete: true, version: 'gcc version 1', machine: 'here' });
    expect(facts.tools.filter(({ name }) => name !== 'objcopy').map(({ name, path }) => [name, path])).toEqual([
      ['driver', program],
      ['cc1', join(directory, 'cc1')],
      ['cc1plus', ''],
      ['cc1obj', ''],
      ['cc1objplus', ''],
      ['as', join(directory, 'as')],
      ['specs', ''],
    ]);
    for (const { path, hash } of facts.tools) expect(hash).toHaveLength(path === '' ? 0 : 64);
  });

  it.skipIf(!existsSync(CLANG))('is known by the libraries that clang consists of', async () => {
    const { tools } = await identifyCompiler({ program: CLANG, searchPath: '/usr/bin:/bin' });
    const libraries = tools.filter(({ name }) => name.startsWith('lib'));
    for (const { name, hash } of libraries) {
      expect(name).toMatch(/^lib(LLVM|clang)/);
      expect(hash).toMatch(/^build-id [0-9a-f]{16,}$/);
    }
    // A clang that is one file has none.
    expect(libraries.length > 0).toBe(/libLLVM|libclang/.test(execFileSync('ldd', [CLANG], { encoding: 'utf8' })));
  });

  it('is known by the settings that clang reads', async () => {
    const program = join(directory, 'clang');
    writeFileSync(join(directory, 'clang.cfg'), '-I/opt');
    const script = [
      '#!/bin/sh',
      `[ "$1" != -v ] || printf 'clang version 1\\nTarget: here\\nConfiguration file: ${directory}/clang.cfg\\n' >&2`,
    ];
    writeFileSync(program, script.join('\n'), { mode: 0o755 });
    const question = { program, searchPath: '/bin' };
    const facts = await identifyCompiler(question);
    const further = ['driver', 'as', 'objcopy', 'settings'];
    expect(facts.tools.map(({ name }) => name)).toEqual(further);
    writeFileSync(join(directory, 'clang.cfg'), '-I/usr');
    const later = await identifyCompiler(question);
    expect(later.tools.map(({ hash }, index) => hash === facts.tools[index]?.hash)).toEqual([
      ...further.slice(1).map(() => true),
      false,
    ]);
  });

  it('is another once one of its programs is, and is not asked again before', async () => {
    const program = writeDriver('gcc version 1');
    const question = { program, searchPath: directory };
    const first = await identifyCompiler(question);
    expect(await identifyCompiler(question)).toBe(first);
    appendFileSync(join(directory, 'cc1'), ' ');
    const second = await identifyCompiler(question);
    expect(second.tools[1]?.hash).not.toBe(first.tools[1]?.hash);
    expect(second.tools[0]).toEqual(first.tools[0]);
  });

  it('is another when a file is another of the same size and time', async () => {
    const question = { program: writeDriver('gcc version 1'), searchPath: directory };
    const as = join(directory, 'as');
    const { atime, mtime } = statSync(as);
    const first = await identifyCompiler(question);
    writeFileSync(as, 'sa');
    utimesSync(as, atime, mtime);
    const second = await identifyCompiler(question);
    expect(second.tools.find(({ name }) => name === 'as')?.hash).not.toBe(
      first.tools.find(({ name }) => name === 'as')?.hash,
    );
  });

  it.each([
    ['further up in PATH', 'bin/as', 'as'],
    ['where the driver looks first', 'first/cc1', undefined],
    ['where it had none', 'cc1plus', 'cc1plus'],
  ])('is asked again when a program has come %s', async (_, file, tool) => {
    const question = { program: writeDriver('gcc version 1'), searchPath: `${directory}/bin:${directory}` };
    for (const name of ['bin', 'first']) mkdirSync(join(directory, name));
    const first = await identifyCompiler(question);
    writeFileSync(join(directory, file), 'another');
    // Not looked for with each job, but soon.
    await expect.poll(() => identifyCompiler(question), { timeout: 5_000 }).not.toBe(first);
    const second = await identifyCompiler(question);
    if (tool !== undefined) expect(second.tools.find(({ name }) => name === tool)?.path).toBe(join(directory, file));
  });

  it('is the one behind the links, and may come later', async () => {
    const question = { program: join(directory, 'cc'), searchPath: '' };
    expect(await identifyCompiler(question)).toMatchObject({ isPresent: false });
    symlinkSync(writeDriver('gcc version 2'), join(directory, 'cc'));
    const facts = await identifyCompiler(question);
    expect(facts).toMatchObject({ isPresent: true, version: 'gcc version 2' });
    expect(facts.tools[0]?.path).toBe(join(directory, 'gcc'));
  });

  it('that is killed when it is asked has not answered, and is asked again', async () => {
    const program = writeDriver('gcc version 3');
    const answers = readFileSync(program, 'utf8');
    writeFileSync(program, '#!/bin/sh\nkill -KILL $$\n');
    const question = { program, searchPath: directory };
    expect(await identifyCompiler(question)).toMatchObject({ isPresent: true, isComplete: false, version: '' });
    writeFileSync(program, answers);
    expect(await identifyCompiler(question)).toMatchObject({ isComplete: true, version: 'gcc version 3' });
  });

  it('that says nothing is known by its file', async () => {
    const program = join(directory, 'cc');
    copyFileSync('/bin/false', program);
    const facts = await identifyCompiler({ program, searchPath: '' });
    expect(facts).toMatchObject({ isPresent: true, isComplete: true, version: '', machine: '' });
    expect(facts.tools[0]?.hash).toHaveLength(64);
  });
});
