import { expect, test } from 'vitest';
import type { MasqueradeFailure, ReachFailure } from '../../src/make/cluster-failure.ts';
import { describeMasqueradeFailure, describeReachFailure } from '../../src/report/cluster-failure-text.ts';

test.each<[MasqueradeFailure, string]>([
  [{ reason: 'colon-in-paths' }, "PATH cannot hold a colon, and the user's directories have one"],
  [
    { reason: 'runtime-directory', failure: { reason: 'not-a-directory', path: '/tmp/pmake-7' } },
    'the runtime directory /tmp/pmake-7 is not a directory',
  ],
  [
    { reason: 'shim-directory', failure: { reason: 'open-to-others', path: '/c/masquerade', mode: 0o777 } },
    'the directory of compiler shims /c/masquerade is open to others (mode 777, not 700)',
  ],
  [{ reason: 'other-owner', path: '/c', owner: 7 }, '/c belongs to uid 7'],
  [{ reason: 'not-a-directory', path: '/c' }, '/c is not a directory'],
  [{ reason: 'open-to-others', path: '/c' }, '/c is open to others'],
  [{ reason: 'file-system', error: 'ENOSPC: no space left on device' }, 'ENOSPC: no space left on device'],
])('no masquerade: %j', (failure, why) => {
  expect(describeMasqueradeFailure(failure)).toBe(`the directory of compiler shims cannot be made: ${why}`);
});

test.each<[ReachFailure, string]>([
  [{ reason: 'cannot-connect', detail: 'EACCES' }, 'the dispatcher cannot be reached: EACCES'],
  [{ reason: 'shim-not-started', error: 'spawn /pcc ENOENT' }, 'the shim cannot be run: spawn /pcc ENOENT'],
  [{ reason: 'start-failed', complaint: 'node was not found' }, 'node was not found'],
  [{ reason: 'start-ended', code: 7, signal: null }, 'the start of the dispatcher ended with status 7'],
  [{ reason: 'start-ended', code: null, signal: 'SIGKILL' }, 'the start of the dispatcher ended with SIGKILL'],
  [
    { reason: 'unreachable-after-start', failure: { reason: 'not-running' } },
    'it was started, but no dispatcher is running',
  ],
])('no session with the dispatcher: %j', (failure, sentence) => {
  expect(describeReachFailure(failure)).toBe(sentence);
});
