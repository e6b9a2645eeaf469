import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stagedNextTo } from '../../src/dispatch/delivery/staged-outputs.ts';
import { Leftovers } from '../../src/tree/leftovers.ts';

const HOUR_MS = 3_600_000;
const KIND = { isOne: (name: string) => stagedNextTo(name) !== undefined, abandonedMs: HOUR_MS };

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-leftovers-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, ageMs: number): void {
  const seconds = (Date.now() - ageMs) / 1_000;
  writeFileSync(join(directory, name), '');
  utimesSync(join(directory, name), seconds, seconds);
}

describe('what killed processes left', () => {
  it('goes when it is old, and nothing else does', async () => {
    write('.pmake-0123abcd1-a.o', 2 * HOUR_MS);
    write('.pmake-0123abcd2-a.o', HOUR_MS / 2);
    write('a.o', 2 * HOUR_MS);
    mkdirSync(join(directory, '.pmake-0123abcd3-d'));
    utimesSync(join(directory, '.pmake-0123abcd3-d'), 1, 1);
    symlinkSync('a.o', join(directory, '.pmake-0123abcd4-l'));
    await new Leftovers(KIND).sweep(directory);
    expect(readdirSync(directory).sort()).toEqual([
      '.pmake-0123abcd2-a.o',
      '.pmake-0123abcd3-d',
      '.pmake-0123abcd4-l',
      'a.o',
    ]);
  });

  it('is looked for once in a directory, and nowhere that is not there', async () => {
    const leftovers = new Leftovers(KIND);
    await leftovers.sweep(join(directory, 'absent'));
    await leftovers.sweep(directory);
    write('.pmake-0123abcd1-a.o', 2 * HOUR_MS);
    await leftovers.sweep(directory);
    expect(readdirSync(directory)).toHaveLength(1);
  });
});

describe('a staged name', () => {
  it.each([
    ['.pmake-0123abcd1-a.o', 'a.o'],
    ['.pmake-0123abcd1z-a-b.o', 'a-b.o'],
    ['.pmake-proof-0123abcd', undefined],
    ['.pmake-0123abcd-a.o', undefined],
    ['.pmake-0123abcd1-', undefined],
    ['pmake-0123abcd1-a.o', undefined],
  ])('%s stands for %s', (name, base) => {
    expect(stagedNextTo(name)).toBe(base);
  });
});
