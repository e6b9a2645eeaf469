import { appendFileSync, mkdirSync, readFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, test } from 'vitest';
import { HeaderDigests } from '../../../src/tree/digest/header-digests.ts';
import { parseSearchPath } from '../../../src/tree/digest/own-search-path.ts';
import { temporaryDirectory } from '../../make/temporary-directory.ts';

let top: string;

beforeEach(() => {
  top = temporaryDirectory();
});

/** One tree, written twice. */
function write(name: string, files: Readonly<Record<string, string>>): string {
  const directory = join(top, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

async function digestOf(directory: string): Promise<string | undefined> {
  return (await new HeaderDigests(undefined).find({ directories: [directory] })).facts.digests[0];
}

const FILES = { 'a.h': 'a', 'sub/b.h': 'b', 'sub/deep/c.h': 'c' };

describe('digests of directories', () => {
  it.each<[string, (other: string) => void]>([
    ['content of the same size', (other) => writeFileSync(join(other, 'sub/deep/c.h'), 'x')],
    ['another file', (other) => writeFileSync(join(other, 'sub/d.h'), '')],
    ['another name', (other) => renameSync(join(other, 'a.h'), join(other, 'A.h'))],
    ['a file in another place', (other) => renameSync(join(other, 'a.h'), join(other, 'sub/a.h'))],
    ['a link that leads elsewhere', (other) => symlinkSync('sub', join(other, 'link'))],
  ])('differ by %s', async (_, change) => {
    const [one, other] = [write('one', FILES), write('other', FILES)];
    symlinkSync('sub/deep', join(one, 'inner'));
    symlinkSync('sub/deep', join(other, 'inner'));
    symlinkSync(join(other, 'a.h'), join(other, 'sub/full'));
    symlinkSync(join(one, 'a.h'), join(one, 'sub/full'));
    // Full names of two places, which lead to the same within each.
    expect(await digestOf(one)).toBe(await digestOf(other));
    change(other);
    expect(await digestOf(one)).not.toBe(await digestOf(other));
  });

  it('are empty for what is not there, and end where links go round', async () => {
    const loop = write('loop', FILES);
    symlinkSync('..', join(loop, 'sub/up'));
    expect(await digestOf(loop)).toMatch(/^[0-9a-f]{64}$/);
    expect(await digestOf(join(top, 'absent'))).toBe('');
  });
});

describe('hashes that are kept', () => {
  it('are used by the next process, and not for a file that has changed since', async () => {
    const cache = join(top, 'cache');
    const directory = write('one', FILES);
    // Only of files that did not change just now.
    for (;;) {
      await new HeaderDigests(cache).find({ directories: [directory] });
      if (readOr(cache).split('\n').length > 3) break;
    }
    const before = await new HeaderDigests(cache).find({ directories: [directory] });
    // The old content by the old hash: what is kept is used.
    const kept = readFileSync(cache, 'utf8');
    writeFileSync(
      cache,
      kept.replaceAll(/[0-9a-f]{64}/g, (hash) => hash.split('').reverse().join('')),
      { mode: 0o600 },
    );
    const after = await new HeaderDigests(cache).find({ directories: [directory] });
    expect(after.facts.digests).not.toEqual(before.facts.digests);
    writeFileSync(cache, kept);
    appendFileSync(join(directory, 'a.h'), 'x');
    utimesSync(join(directory, 'a.h'), 1, 1);
    const changed = await new HeaderDigests(cache).find({ directories: [directory] });
    expect(changed.facts.digests).not.toEqual(before.facts.digests);
  });
});

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

test('a compiler’s own directories are those that it says, with what it reads besides', async () => {
  const own = { program: '/usr/bin/gcc', searchPath: '/usr/bin:/bin', language: 'c', words: [], environment: {} };
  const { facts, directories } = await new HeaderDigests(undefined).findOwn(
    { ...own, ownFiles: ['crt1.o', 'absent.specs'] },
    (directory) => directory === '/usr/include',
  );
  expect(facts).toMatchObject({ isAnswered: true, files: [expect.stringMatching(/^[0-9a-f]{64}$/)] });
  expect(facts.searched).toContain('/usr/include');
  expect(directories).toEqual(['/usr/include']);
  expect(facts.digests).toHaveLength(1);
  expect(facts.count).toBeGreaterThan(100);
});

test('what a driver prints is read: directories, those that are not there, files and installations of gcc', () => {
  const text = [
    'Found candidate GCC installation: /usr/lib/gcc/x86_64-linux-gnu/12',
    'Configuration file: /etc/clang.cfg',
    'ignoring nonexistent directory "/usr/local/include/x86_64-linux-gnu"',
    '#include "..." search starts here:',
    '#include <...> search starts here:',
    ' /usr/lib/gcc/x86_64-linux-gnu/12/include',
    ' /usr/include',
    ' /Library (framework directory)',
    'End of search list.',
    ' /no/directory',
  ].join('\n');
  expect(parseSearchPath(text)).toEqual({
    directories: ['/usr/lib/gcc/x86_64-linux-gnu/12/include', '/usr/include', '/Library'],
    absent: ['/usr/local/include/x86_64-linux-gnu'],
    files: ['/etc/clang.cfg'],
    installations: ['/usr/lib/gcc/x86_64-linux-gnu'],
  });
});
