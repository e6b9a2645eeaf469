import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheDirectory } from '../../src/util/own-directories.ts';

test.each([
  ['/var/cache/me', '/var/cache/me/pmake'],
  ['', join(homedir(), '.cache/pmake')],
  ['cache', join(homedir(), '.cache/pmake')],
  [undefined, join(homedir(), '.cache/pmake')],
])('XDG_CACHE_HOME=%s', (value, directory) => {
  expect(cacheDirectory({ XDG_CACHE_HOME: value })).toBe(directory);
});
