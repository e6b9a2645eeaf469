import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findMissed } from '../../src/tree/find-missed.ts';
import { temporaryDirectory } from '../make/temporary-directory.ts';

function project(): string {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'tree/include/deep'), { recursive: true });
  for (const name of ['secret', 'tree/a.h', 'tree/include/deep/b.h']) writeFileSync(join(root, name), '');
  return root;
}

it('finds a file below a directory that the compile searches', async () => {
  const root = project();
  const searched = [join(root, 'tree'), join(root, 'tree/include')];
  expect(await findMissed(['deep/b.h', 'a.h', 'none.h'], searched)).toEqual([
    join(root, 'tree/include/deep'),
    join(root, 'tree'),
  ]);
  expect(await findMissed([join(root, 'tree/include/deep/b.h')], searched)).toEqual([join(root, 'tree/include/deep')]);
});

it('looks nowhere else, whatever a node names', async () => {
  const root = project();
  const names = ['../secret', join(root, 'secret'), 'include/../../secret', '/etc/passwd', '..', '/', ''];
  expect(await findMissed(names, [join(root, 'tree')])).toEqual([]);
});

it('looks no further down than sources have directories', async () => {
  const root = temporaryDirectory();
  const deep = 'd/'.repeat(20);
  mkdirSync(join(root, deep), { recursive: true });
  writeFileSync(join(root, deep, 'x.h'), '');
  expect(await findMissed([`${deep}x.h`], [root])).toEqual([]);
});

it('stops when the answer is of no use', async () => {
  const root = project();
  const gone = Promise.resolve();
  await gone;
  const names = Array.from({ length: 1_000 }, (_, at) => `${at}.h`);
  expect(await findMissed([...names, 'a.h'], [join(root, 'tree')], gone)).toEqual([]);
});
