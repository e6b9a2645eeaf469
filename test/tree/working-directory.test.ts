import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { workingDirectory } from '../../src/tree/working-directory.ts';
import { temporaryDirectory } from '../make/temporary-directory.ts';

function layOut() {
  const root = temporaryDirectory();
  const [cwd, other, link] = ['real', 'other', 'link'].map((name) => join(root, name)) as [string, string, string];
  mkdirSync(cwd);
  mkdirSync(other);
  symlinkSync(cwd, link);
  return { cwd, other, link };
}

test.each([['-g'], ['-ggdb3'], ['--coverage']])('with %s it is PWD, where that is the directory', (word) => {
  const { cwd, other, link } = layOut();
  expect(workingDirectory(cwd, link, ['-O2', word])).toBe(link);
  expect(workingDirectory(cwd, other, [word])).toBe(cwd);
  expect(workingDirectory(cwd, join(cwd, 'missing'), [word])).toBe(cwd);
  expect(workingDirectory(cwd, '.', [word])).toBe(cwd);
  expect(workingDirectory(cwd, undefined, [word])).toBe(cwd);
});

test.each([['-O2'], ['-g0'], ['-gno-column-info']])('with %s nothing writes it down', (word) => {
  const { cwd, link } = layOut();
  expect(workingDirectory(cwd, link, [word])).toBe(cwd);
});
