import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isSameMount, mountPlace, mountPlaceNow } from '../../src/tree/mount-id.ts';
import { mountOf } from '../../src/tree/mounts.ts';

describe('the mount of a path', () => {
  it('has the number that mountinfo gives it, links followed, whichever way it is asked for', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pmake-mount-id-'));
    symlinkSync('/proc', join(directory, 'link'));
    const place = await mountPlace(join(directory, 'link'));
    expect(place?.id).toBe((await mountOf('/proc'))?.id);
    expect(mountPlaceNow(join(directory, 'link'))).toEqual(place);
    expect(await mountPlace(join(directory, 'absent'))).toBeUndefined();
    expect(mountPlaceNow(join(directory, 'absent'))).toBeUndefined();
    rmSync(directory, { recursive: true });
  });

  it.each([
    ['the same number', { id: 3, device: 7 }, { id: 3, device: 7 }, true],
    ['another number: a bind mount of the same file system', { id: 3, device: 7 }, { id: 4, device: 7 }, false],
    ['no number on either side, one file system', { id: undefined, device: 7 }, { id: undefined, device: 7 }, true],
    ['no number on either side, two file systems', { id: undefined, device: 7 }, { id: undefined, device: 8 }, false],
  ])('is compared: %s', (_, one, other, isSame) => {
    expect(isSameMount(one, other)).toBe(isSame);
  });
});
