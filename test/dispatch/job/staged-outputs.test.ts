import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { correctedMs, discard, makeMoves, movesFor, withoutTag } from '../../../src/dispatch/job/staged-outputs.ts';
import { deferred } from '../../../src/util/deferred.ts';
import { writtenFile } from '../../../src/tree/files.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pmake-staging-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);

/** As an attempt ends: `staged` is what the compiler left, `old` what was there before. */
async function settle(staged: string | undefined, old: string | undefined): Promise<string | undefined> {
  if (old !== undefined) writeFileSync(at('a.o'), old);
  if (staged !== undefined) writeFileSync(at('.s-a.o'), staged);
  const places = [{ path: at('a.o'), isRemade: old !== undefined }];
  await makeMoves(movesFor(places, [await writtenFile(at('.s-a.o'))]), 1_000);
  expect(readdirSync(directory)).not.toContain('.s-a.o');
  return readdirSync(directory).includes('a.o') ? readFileSync(at('a.o'), 'utf8') : undefined;
}

describe('what becomes of an output and of the older one', () => {
  it.each([
    ['made for the first time', 'new', undefined, 'new'],
    ['made again', 'new', 'old', 'new'],
    ['not reached by the compiler: the older one stays', '', 'old', 'old'],
    ['removed by the compiler: so is the older one', undefined, 'old', undefined],
    ['not made', undefined, undefined, undefined],
    ['made, and empty', '', undefined, ''],
  ])('%s', async (_, staged, old, left) => {
    expect(await settle(staged, old)).toBe(left);
  });

  it('a file that vanished is told', async () => {
    expect(await makeMoves([{ kind: 'place', from: at('gone'), to: at('a.o'), mtimeNs: 0n }], 0)).toBe(at('a.o'));
  });

  it('what nobody wants is removed, now and once its node is surely dead', async () => {
    writeFileSync(at('.s-a.o'), 'half');
    const fenced = deferred<undefined>();
    const over = discard([at('.s-a.o')], fenced.promise);
    await expect.poll(() => readdirSync(directory)).toEqual([]);
    writeFileSync(at('.s-a.o'), 'late');
    fenced.resolve(undefined);
    await over;
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('times made by clocks that are wrong', () => {
  const NOW = 1_700_000_000_000n * 1_000_000n;
  const seconds = (count: number): bigint => BigInt(Math.round(count * 1_000)) * 1_000_000n;

  it.each([
    ['now', 0, undefined],
    ['within the attempt', -4, undefined],
    ['a little ahead', 0.9, undefined],
    ['a little before the attempt', -5.9, undefined],
    ['ahead', 30, 1_700_000_000_000 - 5_000 + 1],
    ['behind', -30, 1_700_000_000_000 - 5_000 + 1],
  ])('%s', (_, offset, expected) => {
    expect(correctedMs(NOW + seconds(offset), NOW, 5_000)).toBe(expected);
  });

  it('become the begin of the attempt, where the file is put in its place', async () => {
    writeFileSync(at('.s-a.o'), 'x');
    const ahead = Date.now() / 1_000 + 30;
    utimesSync(at('.s-a.o'), ahead, ahead);
    const began = Date.now() - 3_000;
    const mtimeNs = BigInt(Math.round(ahead * 1_000)) * 1_000_000n;
    await makeMoves([{ kind: 'place', from: at('.s-a.o'), to: at('a.o'), mtimeNs }], Date.now() - began);
    expect(Math.abs(statSync(at('a.o')).mtimeMs - began)).toBeLessThan(1_000);
  });
});

it('messages name the outputs that the user knows', () => {
  const output = [{ fd: 2 as const, bytes: Buffer.from('as: can’t create o/.pmake-T-a.o\n') }];
  expect(String(withoutTag(output, 'T')[0]?.bytes)).toBe('as: can’t create o/a.o\n');
});
