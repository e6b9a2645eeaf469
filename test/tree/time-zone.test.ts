import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostTimeZone } from '../../src/tree/time-zone.ts';
import { temporaryDirectory } from '../make/temporary-directory.ts';

test('the zone is what localtime is a link to, UTC without one, and unknown where it is a copy', () => {
  const directory = temporaryDirectory();
  const [link, copy, other] = ['link', 'copy', 'other'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  symlinkSync('/usr/share/zoneinfo/America/Argentina/Salta', link);
  symlinkSync('../somewhere/else', other);
  writeFileSync(copy, 'TZif2');
  expect(hostTimeZone(link)).toBe('America/Argentina/Salta');
  expect(hostTimeZone(join(directory, 'missing'))).toBe('UTC');
  expect(hostTimeZone(copy)).toBeUndefined();
  expect(hostTimeZone(other)).toBeUndefined();
});
