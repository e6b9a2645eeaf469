/** Thin archives as the real ar writes them, read for the hold. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { filesToWaitFor } from '../../../src/command/link-inputs.ts';
import { planCommand } from '../../../src/command/plan-command.ts';
import { fileLook } from '../../../src/tree/look.ts';

let tree: string;

beforeAll(() => {
  tree = realpathSync(mkdtempSync(join(tmpdir(), 'pmake-thin-')));
  mkdirSync(join(tree, 'sub/deep'), { recursive: true });
  writeFileSync(join(tree, 'a.s'), '.globl a_symbol\na_symbol: nop\n');
  for (const object of ['a.o', 'sub/b.o', 'sub/deep/a-name-of-more-than-sixteen-bytes.o', 'sub/c d.o']) {
    run('as', 'a.s', '-o', object);
  }
});

afterAll(() => {
  rmSync(tree, { recursive: true });
});

function run(program: string, ...words: string[]): void {
  execFileSync(program, words, { cwd: tree });
}

function below(...names: string[]): string[] {
  return names.map((name) => join(tree, name));
}

/** What a link waits for beyond the archive itself. */
function members(archive: string): string[] {
  return filesToWaitFor(tree, [archive], fileLook).waitFor.filter((path) => path !== join(tree, archive));
}

it.each(['cDPrsT', 'rcsT', 'rcST'])('ar %s: every member by its path', (operation) => {
  const objects = ['a.o', 'sub/b.o', 'sub/deep/a-name-of-more-than-sixteen-bytes.o', 'sub/c d.o'];
  run('ar', operation, `thin-${operation}.a`, ...objects);
  expect(members(`thin-${operation}.a`)).toEqual(below(...objects));
});

it('members of an archive in another directory are named from there', () => {
  run('ar', 'rcT', 'sub/x.a', 'a.o', 'sub/b.o');
  expect(members('sub/x.a')).toEqual(below('a.o', 'sub/b.o'));
});

it('an ordinary, an empty, a damaged and a missing archive have none', () => {
  run('ar', 'rcs', 'ordinary.a', 'a.o');
  run('ar', 'rcT', 'empty.a');
  writeFileSync(join(tree, 'damaged.a'), '!<thin>\n//                                              99999999999`\n/0');
  for (const name of ['ordinary.a', 'empty.a', 'damaged.a', 'missing.a']) {
    expect(members(name)).toEqual([]);
  }
});

it('one of more than a few kilobytes has all of its members', () => {
  const names = Array.from({ length: 300 }, (_, index) => `object-with-a-long-name-${index}.o`);
  for (const name of names) copyFileSync(join(tree, 'a.o'), join(tree, name));
  run('ar', 'rcST', 'large.a', ...names);
  expect(members('large.a')).toEqual(below(...names));
});

it('a link waits for what the archives on its line stand for', () => {
  run('ar', 'rcT', 'inner.a', 'sub/b.o');
  const invocation = {
    name: 'ld',
    cwd: tree,
    env: new Map<string, string>(),
    paths: 'auto' as const,
  };
  const plan = planCommand({ ...invocation, argv: ['-r', '-o', 'all.o', '--whole-archive', 'inner.a'] }, fileLook);
  expect(plan).toMatchObject({ waitFor: below('all.o', 'inner.a', 'sub/b.o') });
});
