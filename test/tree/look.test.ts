import { renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileLook, realProgram } from '../../src/tree/look.ts';
import { temporaryDirectory } from '../make/temporary-directory.ts';

test('a name calls the program that its links lead to now, as update-alternatives sets them', () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory, name);
  for (const name of ['gcc-12', 'clang-14']) writeFileSync(at(name), '');
  symlinkSync('alternative', at('cc'));
  symlinkSync('gcc-12', at('alternative'));
  expect(realProgram(at('cc'))).toBe(at('gcc-12'));
  symlinkSync('clang-14', at('next'));
  renameSync(at('next'), at('alternative'));
  expect(realProgram(at('cc'))).toBe(at('clang-14'));
  expect(realProgram(at('absent'))).toBe(at('absent'));
});

test('a response file that is not UTF-8 cannot be read: a node would get other bytes', () => {
  const path = join(temporaryDirectory(), 'words');
  writeFileSync(path, Buffer.from('-DX=\xe9', 'latin1'));
  expect(fileLook.readText(path)).toBeUndefined();
  writeFileSync(path, '-DX=é');
  expect(fileLook.readText(path)).toBe('-DX=é');
});
