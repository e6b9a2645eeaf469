/** The C programs build with what a user may have, and only when they must. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const shims = fileURLToPath(new URL('../../../shims', import.meta.url));
let out = '';

beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'pmake-shim-test-'));
});
afterEach(() => rmSync(out, { recursive: true }));

function make(...words: string[]): void {
  execFileSync('make', ['-s', '-C', shims, `OUT=${out}`, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
}

it.each(['gcc', 'clang'])('without a warning under %s', (compiler) => {
  make(`CC=${compiler}`, 'WARNINGS=-std=c99 -Wall -Wextra -Wshadow -Wpedantic -Wno-c11-extensions -Werror');
  // It is missing only where it cannot be built; here it can.
  expect(existsSync(join(out, 'preload/pmake-preload.so'))).toBe(true);
});

it('once, and again when Node has moved', () => {
  const inodes = (): number[] => ['pcc', 'p++', 'prun', 'pmake'].map((name) => statSync(join(out, name)).ino);
  make('NODE=/opt/one/node');
  const first = inodes();
  expect(readFileSync(join(out, 'pcc')).equals(readFileSync(join(out, 'p++')))).toBe(true);
  make('NODE=/opt/one/node');
  expect(inodes()).toEqual(first);
  make('NODE=/opt/two words/node');
  expect(inodes()).not.toEqual(first);
  expect(readdirSync(out).sort()).toEqual(['.node', 'p++', 'pcc', 'pmake', 'ppeer', 'preload', 'prun']);
});

it('as a dynamic program where nothing links statically', () => {
  const stubborn = join(out, 'cc');
  execFileSync('/bin/sh', [
    '-c',
    `printf '#!/bin/sh\\ncase "$*" in *-static*) exit 1; esac; exec cc "$@"' >"$1"; chmod +x "$1"`,
    'sh',
    stubborn,
  ]);
  make(`CC=${stubborn}`);
  expect(
    execFileSync(join(out, 'pcc'), ['--pmake-which', 'sh'], {
      env: { PATH: '/bin', PMAKE_RUNTIME_DIR: out },
    }).toString(),
  ).toBe('/bin/sh\n');
});
