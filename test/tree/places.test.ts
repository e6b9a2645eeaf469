import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { MountTable } from '../../src/tree/mount-table.ts';
import { Places } from '../../src/tree/places.ts';
import { temporaryDirectory } from '../make/temporary-directory.ts';

let top: string;
let places: Places;

beforeEach(() => {
  top = temporaryDirectory();
  places = new Places(new MountTable());
  mkdirSync(join(top, 'inc'));
  mkdirSync(join(top, 'other'));
});

describe('a place', () => {
  it('is the same while the name leads to it', () => {
    const inc = places.locate(join(top, 'inc'));
    expect(inc).toMatchObject({ real: join(top, 'inc'), isMissing: false });
    expect(places.locate(join(top, 'inc'))).toBe(inc);
  });

  it('is found again as soon as a link leads elsewhere', () => {
    const link = join(top, 'link');
    symlinkSync('inc', link);
    expect(places.locate(link)?.real).toBe(join(top, 'inc'));
    unlinkSync(link);
    symlinkSync('other', link);
    expect(places.locate(link)?.real).toBe(join(top, 'other'));
  });

  it('of a name that is not there is that of the directory above it, until it is there', () => {
    const later = join(top, 'gen/later');
    expect(places.locate(later)).toMatchObject({ real: top, isMissing: true });
    mkdirSync(later, { recursive: true });
    expect(places.locate(later)).toMatchObject({ real: later, isMissing: false });
  });

  it('that another directory was moved to is found soon', async () => {
    const inc = join(top, 'inc');
    const before = places.locate(inc);
    rmSync(inc, { recursive: true });
    symlinkSync('other', inc);
    await expect.poll(() => places.locate(inc)).not.toBe(before);
    expect(places.locate(inc)?.real).toBe(join(top, 'other'));
    unlinkSync(inc);
    renameSync(join(top, 'other'), inc);
    expect(places.locate(inc)?.real).toBe(inc);
  });
});
