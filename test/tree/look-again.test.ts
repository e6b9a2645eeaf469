import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findMissed } from '../../src/tree/find-missed.ts';
import { lookAgain } from '../../src/tree/look-again.ts';

let tree: string;

beforeEach(() => {
  tree = mkdtempSync('/var/tmp/pmake-look-');
  mkdirSync(`${tree}/include/deep`, { recursive: true });
  writeFileSync(`${tree}/include/deep/a.h`, '');
});

afterEach(() => rmSync(tree, { recursive: true, force: true }));

describe('lookAgain', () => {
  it.each([
    ['include/deep', true],
    ['include/deep/not/there', false],
    ['include/deep/a.h', false],
  ])('at %s says whether it is a directory', async (name, expected) => {
    expect(await lookAgain(`${tree}/${name}`)).toBe(expected);
  });
});

describe('findMissed', () => {
  it.each([
    ['a header below the include path', ['deep/a.h'], ['include/deep']],
    ['one by its full name', ['TREE/include/deep/a.h'], ['include/deep']],
    ['one that is nowhere', ['deep/b.h'], []],
    ['a directory', ['deep'], []],
  ])('of %s', async (_, names, expected) => {
    const found = await findMissed(
      names.map((name) => name.replace('TREE', tree)),
      [tree, `${tree}/include`],
    );
    expect(found).toEqual(expected.map((name) => `${tree}/${name}`));
  });
});
