import { chmodSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { driverSays } from '../../src/tree/driver-says.ts';
import { temporaryDirectory } from '../make/temporary-directory.ts';

let directory: string;
let driver: string;

beforeEach(() => {
  directory = temporaryDirectory();
  driver = join(directory, 'gcc');
});

/** One that counts how often it was asked. */
function writeDriver(ending: string): void {
  writeFileSync(driver, `#!/bin/sh\necho . >>${directory}/asked\n${ending}\n`);
  chmodSync(driver, 0o755);
}

function timesAsked(): number {
  return readFileSync(join(directory, 'asked'), 'utf8').split('\n').length - 1;
}

describe('what a driver says', () => {
  it('is asked once for the same words', () => {
    writeDriver('echo "$@" >&2');
    expect(driverSays(driver, ['-###', 'a'])).toBe('-### a\n');
    expect(driverSays(driver, ['-###', 'a'])).toBe('-### a\n');
    expect(driverSays(driver, ['-###', 'b'])).toBe('-### b\n');
    expect(timesAsked()).toBe(2);
  });

  it('is asked again of another driver of the same size and time', () => {
    writeDriver('echo one >&2');
    const { atime, mtime } = statSync(driver);
    expect(driverSays(driver, [])).toBe('one\n');
    writeDriver('echo two >&2');
    utimesSync(driver, atime, mtime);
    expect(driverSays(driver, [])).toBe('two\n');
  });

  it('is asked again when the compiler proper is another', () => {
    writeFileSync(join(directory, 'cc1'), '1');
    writeDriver(`echo " ${directory}/cc1 -quiet -march=$(cat ${directory}/cc1)" >&2`);
    expect(driverSays(driver, [])).toContain('-march=1');
    writeFileSync(join(directory, 'cc1'), '2');
    expect(driverSays(driver, [])).toContain('-march=2');
    expect(driverSays(driver, [])).toContain('-march=2');
    expect(timesAsked()).toBe(2);
  });

  it('that refuses is remembered, and that was killed is asked again', () => {
    writeDriver('exit 1');
    for (let round = 0; round < 2; round += 1) expect(driverSays(driver, [])).toBeUndefined();
    expect(timesAsked()).toBe(1);
    writeDriver('kill -KILL $$');
    for (let round = 0; round < 2; round += 1) expect(driverSays(driver, [])).toBeUndefined();
    expect(timesAsked()).toBe(3);
  });
});
