import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  privatePlaces,
  removeIfOld,
  takePrivateDirectory,
  unguessableName,
  type OwnPlace,
} from '../../src/tree/private-directory.ts';
import { isDeadMark, processMark } from '../../src/tree/process-mark.ts';
import { temporaryDirectory } from '../make/temporary-directory.ts';

const NAME = `.pmake-${process.geteuid?.() ?? 0}`;
const OTHER_USER = 65_534;

let place: string;

beforeEach(() => {
  place = temporaryDirectory();
});

function take(): OwnPlace {
  const own = takePrivateDirectory(place);
  if (!own) throw new Error(`no private directory in ${place}`);
  return own;
}

describe('the private directory of a place', () => {
  it('is closed to others, holds what its taker makes, and goes with its last taker', () => {
    const [one, other] = [take(), take()];
    expect(one.path).toBe(join(place, NAME));
    expect(lstatSync(one.path).mode & 0o777).toBe(0o700);
    writeFileSync(one.at('file'), 'text');
    expect(readFileSync(join(one.path, 'file'), 'utf8')).toBe('text');
    expect(other.names()).toContain('file');
    rmSync(one.at('file'));
    one.release();
    writeFileSync(other.at('later'), '');
    rmSync(other.at('later'));
    other.release();
    expect(readdirSync(place)).toEqual([]);
  });

  it('stays while something is in it, and is taken again', () => {
    const one = take();
    writeFileSync(one.at('file'), '');
    one.release();
    expect(readdirSync(join(place, NAME))).toEqual(['file']);
    const again = take();
    rmSync(again.at('file'));
    again.release();
    expect(readdirSync(place)).toEqual([]);
  });

  it.each<[string, () => void]>([
    [
      'a link to a directory of this user',
      () => {
        mkdirSync(join(place, 'mine'), { mode: 0o700 });
        symlinkSync('mine', join(place, NAME));
      },
    ],
    [
      'a directory that others may enter',
      () => {
        mkdirSync(join(place, NAME));
        chmodSync(join(place, NAME), 0o770);
      },
    ],
    ['a file', () => writeFileSync(join(place, NAME), '')],
  ])('is refused where its name is that of %s', (_, prepare) => {
    prepare();
    const before = readdirSync(place);
    expect(takePrivateDirectory(place)).toBeUndefined();
    expect(readdirSync(place)).toEqual(before);
  });

  it.skipIf(process.getuid?.() !== 0)('is refused where its name is that of another user’s directory', () => {
    mkdirSync(join(place, NAME), { mode: 0o700 });
    chownSync(join(place, NAME), OTHER_USER, OTHER_USER);
    expect(takePrivateDirectory(place)).toBeUndefined();
    expect(readdirSync(join(place, NAME))).toEqual([]);
  });

  it('is the one that was checked, also when its name leads to another', () => {
    const own = take();
    renameSync(own.path, join(place, 'moved'));
    mkdirSync(join(place, 'victim'));
    symlinkSync('victim', own.path);
    writeFileSync(own.at('file'), '');
    expect(readdirSync(join(place, 'victim'))).toEqual([]);
    expect(readdirSync(join(place, 'moved'))).toContain('file');
    rmSync(own.at('file'));
    own.release();
    expect(readdirSync(place).sort()).toEqual([NAME, 'moved', 'victim']);
  });

  it('goes although a process that held it was killed', async () => {
    const killed = spawn('sleep', ['infinity']);
    await once(killed, 'spawn');
    const own = take();
    // As the killed one would have marked it.
    const [mark = ''] = own.names().filter((name) => name.startsWith('holder-'));
    const started =
      readFileSync(`/proc/${killed.pid ?? 0}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ')[19] ?? '';
    const [, world = '', , , random = ''] = mark.split('-');
    const theirs = `holder-${world}-${killed.pid ?? 0}-${started}-${random}`;
    writeFileSync(own.at(theirs), '');
    take().release();
    expect(own.names()).toContain(theirs);
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    own.release();
    expect(existsSync(own.path)).toBe(true);
    take().release();
    expect(readdirSync(place)).toEqual([]);
  });
});

describe('a process’s mark', () => {
  it('is dead when the process is, and never one of another host', () => {
    const mark = processMark() ?? '';
    expect(isDeadMark(mark)).toBe(false);
    expect(isDeadMark(mark.replace(/-(\d+)$/, '-1'))).toBe(true);
    expect(isDeadMark(mark.replace(/^\w+/, '0'.repeat(12)).replace(/-(\d+)$/, '-1'))).toBe(false);
    expect(isDeadMark('unmarked')).toBe(false);
  });
});

describe('places for it', () => {
  it('are those above on the same mount, the root excepted', () => {
    mkdirSync(join(place, 'a/b'), { recursive: true });
    symlinkSync('a/b', join(place, 'link'));
    const expected = [place, join(place, 'a'), join(place, 'a/b')];
    expect(privatePlaces(join(place, 'a/b')).slice(-3)).toEqual(expected);
    expect(privatePlaces(join(place, 'link')).slice(-3)).toEqual(expected);
    expect(privatePlaces(join(place, 'a/b'))).not.toContain('/');
    expect(privatePlaces('/proc/self')).not.toContain('/');
    expect(privatePlaces(join(place, 'absent'))).toEqual([]);
  });
});

describe('what is old', () => {
  it('is removed where it is a regular file of this user', () => {
    const old = (name: string): string => {
      utimesSync(join(place, name), 1, 1);
      return join(place, name);
    };
    for (const name of ['new', 'old', 'theirs']) writeFileSync(join(place, name), '');
    mkdirSync(join(place, 'directory'));
    symlinkSync('new', join(place, 'link'));
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(join(place, 'theirs'), OTHER_USER, OTHER_USER);
    for (const path of [old('old'), old('directory'), join(place, 'link'), join(place, 'new')])
      removeIfOld(path, 60_000);
    if (isRoot) removeIfOld(old('theirs'), 60_000);
    expect(readdirSync(place).sort()).toEqual(['directory', 'link', 'new', 'theirs']);
  });
});

it('random names are never the same', () => {
  const names = Array.from({ length: 100 }, () => unguessableName('x-'));
  expect(new Set(names).size).toBe(100);
  for (const name of names) expect(name).toMatch(/^x-[0-9a-f]{24}$/);
});
