import { describe, expect, it } from 'vitest';
import { EnvironmentCache } from '../../../src/dispatch/environment-cache.ts';
import { isTooLong } from '../../../src/dispatch/job/job-size.ts';
import { encodeInherited, NOTHING_SET, UNLIMITED } from '../../../src/protocol/inherited.ts';
import { compileOf } from '../../command/plan-of.ts';

const KiB = 1024;

function fits(bytes: number, soft: bigint): boolean {
  const limits = { ...NOTHING_SET.limits, stack: { soft, hard: UNLIMITED } };
  const environment = new EnvironmentCache(() => 'UTC').get({
    environment: Buffer.from('TZ=UTC\0'),
    inherited: encodeInherited({ ...NOTHING_SET, limits }),
  });
  const word = `-DX=${'x'.repeat(100 * KiB - 20)}`;
  const count = Math.ceil(bytes / (100 * KiB));
  return !isTooLong(compileOf(`gcc -c a.c ${Array.from({ length: count }, () => word).join(' ')}`), environment);
}

describe('a command fits on a node', () => {
  it.each<[number, bigint, boolean]>([
    [1_500 * KiB, 8_388_608n, true],
    [1_700 * KiB, 8_388_608n, false],
    // The runner has the job's stack limit, which determines the limit of execve(2).
    [1_500 * KiB, UNLIMITED, true],
    [700 * KiB, 4_194_304n, true],
    [900 * KiB, 4_194_304n, false],
    [90 * KiB, 65_536n, false],
  ])('%i bytes with a stack of %i: %s', (bytes, stack, isFit) => {
    expect(fits(bytes, stack)).toBe(isFit);
  });
});
