import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findMount, mountOf, parseMountInfo } from '../../src/tree/mounts.ts';

const MOUNTINFO = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
40 27 0:44 / /home rw,nosuid shared:7 master:2 - nfs4 server:/home rw,vers=4.2,lookupcache=positive
41 27 0:45 / /home/me/a\\040b rw - tmpfs none rw,size=1024k
42 40 0:46 / /home rw - tmpfs cover rw
nonsense
`;

describe('mounts', () => {
  const mounts = parseMountInfo(MOUNTINFO);

  it('are read with both kinds of options, and with blanks in their names', () => {
    expect(mounts.map(({ point }) => point)).toEqual(['/proc', '/', '/home', '/home/me/a b', '/home']);
    expect(mounts[2]).toEqual({
      id: 40,
      point: '/home',
      type: 'nfs4',
      source: 'server:/home',
      options: 'rw,nosuid,vers=4.2,lookupcache=positive',
    });
  });

  it.each([
    ['/', 27],
    ['/homer/x', 27],
    ['/proc', 22],
    ['/home/me', 42],
    ['/home/me/a b/c', 41],
    ['/home/me/a bc', 42],
  ])('show at %s as the nearest, and of two on one point as the later', (path, id) => {
    expect(findMount(mounts, path)?.id).toBe(id);
  });

  it('are those that this process sees, links followed; a path that is not there has none', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pmake-mounts-'));
    symlinkSync('/proc', join(directory, 'link'));
    expect((await mountOf(join(directory, 'link')))?.type).toBe('proc');
    expect(await mountOf(join(directory, 'absent'))).toBeUndefined();
    rmSync(directory, { recursive: true });
  });
});
