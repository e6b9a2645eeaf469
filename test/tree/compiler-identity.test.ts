import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identifyCompiler } from '../../src/tree/compiler-identity.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-identity-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** A driver of the test's that has the tools `cc1` and `as` beside it. */
function writeDriver(version: string): string {
  const driver = join(directory, 'gcc');
  const script = [
    '#!/bin/sh',
    `case $1 in`,
    `-v) echo "${version}" >&2 ;;`,
    '-dumpmachine) echo here ;;',
    `-print-prog-name=cc1) echo ${directory}/cc1 ;;`,
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
    expect(facts.tools.map(({ name, path }) => [name, path])).toEqual([
      ['driver', program],
      ['cc1', join(directory, 'cc1')],
      ['cc1plus', ''],
      ['as', join(directory, 'as')],
    ]);
    expect(facts.tools.map(({ hash }) => hash.length)).toEqual([64, 64, 0, 64]);
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
