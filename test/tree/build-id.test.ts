import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildIdOf, findBuildId } from '../../src/tree/build-id.ts';
import { seededRandom } from '../broker/seeded-random.ts';
import { temporaryDirectory } from '../make/temporary-directory.ts';

const ID = '0123456789abcdef0123456789abcdef01234567';

function link(words: readonly string[]): string {
  const directory = temporaryDirectory();
  const [source, library] = [join(directory, 'a.c'), join(directory, 'liba.so')];
  writeFileSync(source, 'int a;\n');
  execFileSync('cc', ['-shared', '-fPIC', '-o', library, source, ...words]);
  return library;
}

describe('a library', () => {
  it('is known by the id that its linker wrote', async () => {
    expect(await buildIdOf(link([`-Wl,--build-id=0x${ID}`]))).toBe(ID);
  });

  it('without an id, and what is no library, has none', async () => {
    expect(await buildIdOf(link(['-Wl,--build-id=none']))).toBeUndefined();
    const text = join(temporaryDirectory(), 'text');
    writeFileSync(text, 'text\n'.repeat(100));
    expect(await buildIdOf(text)).toBeUndefined();
    expect(await buildIdOf(`${text}-absent`)).toBeUndefined();
  });

  it('that is damaged is read without harm (seeded)', () => {
    const random = seededRandom(11);
    const whole = readFileSync(link([`-Wl,--build-id=0x${ID}`])).subarray(0, 4_096);
    for (let round = 0; round < 2_000; round += 1) {
      const damaged = Buffer.from(whole.subarray(0, Math.floor(random() * whole.length)));
      for (let byte = 0; byte < 8 && damaged.length > 0; byte += 1) {
        damaged[Math.floor(random() * Math.min(damaged.length, 800))] = Math.floor(random() * 256);
      }
      expect(['string', 'undefined']).toContain(typeof findBuildId(damaged));
    }
  });
});
