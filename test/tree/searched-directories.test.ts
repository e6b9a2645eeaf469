import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SearchedDirectories } from '../../src/tree/searched-directories.ts';

let tree: string;
let directories: SearchedDirectories;
const node = {};

beforeEach(() => {
  tree = mkdtempSync('/var/tmp/pmake-searched-');
  mkdirSync(`${tree}/include/linux/deep`, { recursive: true });
  mkdirSync(`${tree}/other`);
  directories = new SearchedDirectories();
});

afterEach(() => {
  directories.close();
  rmSync(tree, { recursive: true, force: true });
});

/** What `listener` is told before a job that searches `names`. */
async function told(names: readonly string[], listener: object = node): Promise<string[]> {
  const paths = names.map((name) => join(tree, name));
  await directories.ready(paths);
  return directories
    .takeChanged(listener, paths)
    .map((path) => path.slice(tree.length + 1))
    .sort();
}

function write(name: string): void {
  writeFileSync(join(tree, name), '');
}

describe('a node that is told of changed directories', () => {
  it('hears of all below the include path first, then of none', async () => {
    expect(await told(['include', 'other'])).toEqual(['include', 'include/linux', 'include/linux/deep', 'other']);
    expect(await told(['include', 'other'])).toEqual([]);
  });

  it('hears of itself, whatever others heard', async () => {
    await told(['other']);
    expect(await told(['other'], {})).toEqual(['other']);
  });

  it.each([
    ['a new header', ['include/linux/new.h'], ['include/linux']],
    ['two of them', ['include/a.h', 'include/linux/deep/b.h'], ['include', 'include/linux/deep']],
    ['objects and depfiles', ['include/a.o', 'include/a.d'], []],
    ['what lies elsewhere', ['other/x.h'], []],
  ])('hears of %s', async (_, written, expected) => {
    await told(['include']);
    written.forEach(write);
    expect(await told(['include'])).toEqual(expected);
  });

  it('hears of a header that was moved to its place or removed', async () => {
    write('x');
    await told(['include']);
    renameSync(`${tree}/x`, `${tree}/include/x.h`);
    expect(await told(['include'])).toEqual(['include']);
    rmSync(`${tree}/include/x.h`);
    expect(await told(['include'])).toEqual(['include']);
  });

  it('hears of a directory made later, and of what is made in it', async () => {
    await told(['include']);
    mkdirSync(`${tree}/include/asm/uapi`, { recursive: true });
    write('include/asm/uapi/a.h');
    expect(await told(['include'])).toEqual(['include', 'include/asm', 'include/asm/uapi']);
    write('include/asm/uapi/b.h');
    expect(await told(['include'])).toEqual(['include/asm/uapi']);
  });

  it('hears of a directory of the include path that was not there, as soon as it is', async () => {
    expect(await told(['made'])).toEqual([]);
    mkdirSync(`${tree}/made`);
    write('made/a.h');
    expect(await told(['made'])).toEqual(['made']);
    write('made/b.h');
    expect(await told(['made'])).toEqual(['made']);
  });

  it('hears of a directory removed and made again, and of what is made in the new one', async () => {
    await told(['include', 'other']);
    for (const name of ['other', 'include/linux']) {
      rmSync(join(tree, name), { recursive: true });
      mkdirSync(join(tree, name));
      write(`${name}/a.h`);
    }
    expect(await told(['include', 'other'])).toEqual(['include', 'include/linux', 'other']);
    write('other/b.h');
    write('include/linux/b.h');
    expect(await told(['include', 'other'])).toEqual(['include/linux', 'other']);
  });

  it('hears of another directory that was moved to a name it knows', async () => {
    mkdirSync(`${tree}/new`);
    write('new/a.h');
    await told(['include']);
    renameSync(`${tree}/include/linux`, `${tree}/was`);
    renameSync(`${tree}/new`, `${tree}/include/linux`);
    expect(await told(['include'])).toEqual(['include', 'include/linux']);
    write('include/linux/b.h');
    expect(await told(['include'])).toEqual(['include/linux']);
  });

  it('does not hear of what has long been as it is', async () => {
    utimesSync(`${tree}/include/linux`, new Date(2020, 1), new Date(2020, 1));
    expect(await told(['include'])).toEqual(['include', 'include/linux/deep']);
    write('include/linux/a.h');
    expect(await told(['include'])).toEqual(['include/linux']);
  });

  it('hears of what a node wrote, and of everything when it is asked to look again', async () => {
    await told(['include']);
    directories.noteWritten(`${tree}/include/linux/made.o`);
    expect(await told(['include'])).toEqual([]);
    directories.noteWritten(`${tree}/include/linux/made.s`);
    expect(await told(['include'])).toEqual(['include/linux']);
    directories.tellAgain(node, [`${tree}/include`]);
    expect(await told(['include'])).toEqual(['include', 'include/linux', 'include/linux/deep']);
  });
});
