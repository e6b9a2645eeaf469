import { describe, expect, it } from 'vitest';
import { mapEnvironment, mapPath, mapPathBack, type PathMap } from '../../src/command/path-maps.ts';

const MAPS: readonly PathMap[] = [
  { local: '/home', remote: '/nfs/home' },
  { local: '/home/big', remote: '/big' },
];

describe('names', () => {
  it.each([
    ['/home/u/a.c', '/nfs/home/u/a.c'],
    ['/home', '/nfs/home'],
    ['/home2/a.c', '/home2/a.c'],
    ['/home/big/x', '/big/x'],
    ['/home/bigger/x', '/nfs/home/bigger/x'],
    ['a.c', 'a.c'],
  ])('%s is %s there', (local, remote) => {
    expect(mapPath(local, MAPS)).toBe(remote);
    expect(mapPathBack(remote, MAPS)).toBe(local);
  });

  it('directories in the environment, and those alone', () => {
    const block = 'PWD=/home/u\0CPATH=inc:/home/u/inc\0NOTE=/home/u\0PATH=/bin:/home/big/bin\0B=\xff\0';
    expect(mapEnvironment(Buffer.from(block, 'latin1'), MAPS).toString('latin1')).toBe(
      'PWD=/nfs/home/u\0CPATH=inc:/nfs/home/u/inc\0NOTE=/home/u\0PATH=/bin:/big/bin\0B=\xff\0',
    );
  });
});
