/** `pmakectl explain -- COMMAND` as a process: no dispatcher runs, and none is started. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CommandExplanation } from '../../../src/report/explain-command-text.ts';
import { PCC } from '../../rig/pmake.ts';
import { installForTests, workplace, type Ran, type Workplace } from '../make/installation.ts';

const installed = installForTests();

interface Explained extends Ran {
  readonly at: Workplace;
}

async function explain(
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
  before: string[] = [],
): Promise<Explained> {
  const at = workplace('');
  for (const name of ['a.c', 'sp ace.c', '4']) writeFileSync(join(at.directory, name), 'int a;\n');
  const ran = await at.run(installed.script('pmakectl'), ['explain', ...before, '--', ...command], env);
  expect(existsSync(join(at.runtimeDirectory, 'dispatcher.sock'))).toBe(false);
  return { ...ran, at };
}

async function explainAsJson(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandExplanation> {
  const { code, stdout, stderr } = await explain(command, env, ['--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as CommandExplanation;
}

test('a compile: where it may run, what it reads and writes, the words as a node gets them', async () => {
  const { at, code, stdout } = await explain(['gcc', '-c', '-MD', 'sp ace.c', '-o', 'x.o'], { CPATH: 'inc' });
  const local = at.directory;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^gcc -c -MD 'sp ace\.c' -o x\.o\n {2}program +\/.*gcc/);
  expect(stdout).toMatch(/where +on a node/);
  expect(stdout).toContain("sent as      gcc -MF STAGED/x.d -MQ x.o -c -MD 'sp ace.c' -o STAGED/x.o\n");
  expect(stdout).toMatch(/names +inputs as given\n +outputs are written under other names \(STAGED\)/);
  expect(stdout).toContain(`reads        ${local}/sp ace.c\n`);
  expect(stdout).toContain(`writes       ${local}/x.o\n               ${local}/x.d\n`);
  expect(stdout).toMatch(/ CPATH=inc\n/);
});

test('words that look like options of pmakectl, or like numbers, stay the command’s', async () => {
  const command = ['gcc', '--json', '--help', '-c', '4', '--version', '--', '-h', '007'];
  expect(await explainAsJson(command)).toMatchObject({ command, class: 'here' });
});

test.each([
  [
    ['gcc', '-c', 'a.c', '--coverage'],
    { class: 'compile', keepsOutputs: 'coverage', words: ['gcc', '-c', 'a.c', '--coverage'] },
  ],
  [['gcc', '-E', 'a.c'], { class: 'here', reason: 'preprocess', slot: 'free' }],
  [['ld', '-r', '-o', 'x.o', 'a.o'], { class: 'here', reason: 'not-a-compile', slot: 'counted' }],
  [['ar', 'rcs', 'x.a', 'a.o'], { class: 'here', reason: 'archive' }],
  [['pcc', '-c', 'a.c'], { class: 'compile', notes: [] }],
  [['pcc', 'gcc', '-c', 'a.c'], { class: 'compile', notes: [] }],
  [['no-such-gcc', '-c', 'a.c'], { class: 'compile', program: '' }],
  [['/usr/bin/gcc', '-c', 'a.c'], { class: 'compile', notes: [expect.stringContaining('by its path')] }],
  [['nm', 'a.o'], { class: 'here', reason: 'binary-tool', notes: [expect.stringContaining('pcc nm')] }],
])('%s', async (command, expected) => {
  expect(await explainAsJson(command)).toMatchObject({ command, ...expected });
});

test('a link waits for the objects that it names', async () => {
  const { at, stdout } = await explain(['ld', '-r', '-o', 'x.o', 'a.o']);
  expect(stdout).toContain(`waits for    ${at.directory}/x.o\n               ${at.directory}/a.o\n`);
  expect(stdout).toMatch(/where +here, when a slot is free, because it links, which happens here \(not-a-compile\)/);
});

test('PMAKE_LOCAL and PMAKE_PATHS count', async () => {
  const command = ['gcc', '-c', 'a.c'];
  expect(await explainAsJson(command, { PMAKE_LOCAL: '1' })).toMatchObject({ class: 'here', reason: 'switched-off' });
  expect(await explainAsJson(command, { PMAKE_PATHS: 'keep' })).toMatchObject({
    keepsOutputs: 'paths-kept',
    words: command,
  });
  expect(await explainAsJson(command, { PMAKE_PATHS: 'absolute' })).toMatchObject({ inputNames: 'absolute' });
});

test('shims in PATH are passed over, and one by its path is what it was made for', async () => {
  const at = workplace('');
  writeFileSync(join(at.directory, 'a.c'), '');
  for (const folder of ['home/bin', 'home/found', 'by-hand'])
    mkdirSync(join(at.directory, folder), { recursive: true });
  for (const name of ['home/bin/gcc', 'home/pcc']) copyFileSync(PCC, join(at.directory, name));
  symlinkSync(PCC, join(at.directory, 'by-hand/gcc'));
  // The name that Debian's gcc leads to: gcc-12, gcc-14.
  const found = join('/usr/bin', readlinkSync('/usr/bin/gcc'));
  symlinkSync(found, join(at.directory, 'home/found/gcc'));
  const env = { PATH: `${at.directory}/home/bin:${at.directory}/by-hand:${process.env.PATH ?? ''}` };
  const programOf = async (word: string): Promise<string> => {
    const words = ['explain', '--json', '--', word, '-c', 'a.c'];
    const { stdout } = await at.run(installed.script('pmakectl'), words, env);
    return (JSON.parse(stdout) as CommandExplanation).program;
  };
  expect(await programOf('gcc')).toBe(execFileSync('which', ['gcc'], { encoding: 'utf8' }).trim());
  expect(await programOf(`${at.directory}/home/bin/gcc`)).toBe(found);
});

test('a script runs here at once', async () => {
  const at = workplace('');
  writeFileSync(join(at.directory, 'a.c'), '');
  writeFileSync(join(at.directory, 'gcc'), '#!/bin/sh\nexec /usr/bin/gcc "$@"\n', { mode: 0o755 });
  const words = ['explain', '--json', '--', './gcc', '-c', 'a.c'];
  const { stdout } = await at.run(installed.script('pmakectl'), words);
  expect(JSON.parse(stdout)).toMatchObject({ class: 'here', reason: 'script' });
});

test('a foreign LD_PRELOAD keeps a compile here', async () => {
  const preload = { LD_PRELOAD: 'libm.so.6' };
  expect(await explainAsJson(['gcc', '-c', 'a.c'], preload)).toMatchObject({
    class: 'here',
    reason: 'foreign-preload',
  });
});

test('no command behind -- is a mistake', async () => {
  expect(await explain([])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'pmakectl: a command is expected after --\n',
  });
});
