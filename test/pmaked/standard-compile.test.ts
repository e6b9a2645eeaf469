import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findStandardCompiler } from '../../src/pmaked/standard-compile.ts';
import { temporaryDirectory } from '../make/temporary-directory.ts';

test('a PATH that names a loop, a file and nothing does not keep the compiler from being found', () => {
  const root = temporaryDirectory();
  const [loop, file, bin] = ['loop', 'file', 'bin'].map((name) => join(root, name)) as [string, string, string];
  symlinkSync(loop, loop);
  writeFileSync(file, '');
  mkdirSync(bin);
  writeFileSync(join(bin, 'cc'), '');
  chmodSync(join(bin, 'cc'), 0o755);
  expect(findStandardCompiler([loop, file, '', join(root, 'none'), bin].join(':'))?.path).toBe(join(bin, 'cc'));
  expect(findStandardCompiler(loop)).toBeUndefined();
});
