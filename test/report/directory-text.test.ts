import { expect, test } from 'vitest';
import { describeRuntimeDirectoryFailure } from '../../src/report/directory-text.ts';
import type { RuntimeDirectoryFailure } from '../../src/util/runtime-directory.ts';

test.each<[RuntimeDirectoryFailure, string]>([
  [{ reason: 'not-absolute', path: 'run' }, 'PMAKE_RUNTIME_DIR must be an absolute path, not "run"'],
  [{ reason: 'not-made', error: 'EACCES: /r' }, 'the runtime directory cannot be made: EACCES: /r'],
  [{ reason: 'not-a-directory', path: '/r' }, 'the runtime directory /r is not a directory'],
  [{ reason: 'other-owner', path: '/r', owner: 7, uid: 8 }, 'the runtime directory /r belongs to uid 7, not to 8'],
  [
    { reason: 'open-to-others', path: '/r', mode: 0o750 },
    'the runtime directory /r is open to others (mode 750, not 700)',
  ],
])('no runtime directory: %j', (failure, sentence) => {
  expect(describeRuntimeDirectoryFailure(failure)).toBe(sentence);
});
