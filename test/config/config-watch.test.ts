import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchConfig, type ConfigWatch } from '../../src/config/config-watch.ts';

let directory: string;
let watching: ConfigWatch;
let calls: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pmake-watch-'));
  calls = 0;
});
afterEach(async () => {
  await watching.close();
  await rm(directory, { recursive: true, force: true });
});

async function watchThe(...files: string[]): Promise<void> {
  watching = watchConfig(files, () => (calls += 1));
  await watching.ready;
}

/** Edits, and waits until that has been noticed. */
async function expectNoticed(edit: () => Promise<unknown>): Promise<void> {
  const before = calls;
  await edit();
  await vi.waitFor(() => expect(calls).toBeGreaterThan(before), { timeout: 10_000 });
}

test('a file that is changed, replaced, removed and made again', async () => {
  const file = join(directory, 'config.json');
  await writeFile(file, '1');
  await watchThe(file);
  await expectNoticed(() => writeFile(file, '22'));
  await expectNoticed(async () => {
    await writeFile(`${file}.new`, '333');
    await rename(`${file}.new`, file);
  });
  await expectNoticed(() => writeFile(file, '4444'));
  await expectNoticed(() => rm(file));
  await expectNoticed(() => writeFile(file, '5'));
});

test('a file whose directories are made later', async () => {
  const file = join(directory, 'a/b/config.json');
  await watchThe(file, join(directory, 'other.json'));
  await expectNoticed(async () => {
    await mkdir(join(directory, 'a/b'), { recursive: true });
    await writeFile(file, '1');
  });
  await expectNoticed(() => writeFile(file, '22'));
});

test('many changes in one go are few calls, and changes next to the file are not reported', async () => {
  const file = join(directory, 'config.json');
  await watchThe(file);
  await writeFile(join(directory, 'neighbour.json'), '1');
  await mkdir(join(directory, 'neighbours'));
  await expectNoticed(async () => {
    for (let index = 0; index < 20; index += 1) await writeFile(file, 'x'.repeat(index));
  });
  // One, on a machine that is not too busy to write twenty times without a pause.
  expect(calls).toBeLessThan(10);
});
