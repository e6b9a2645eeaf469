import { expect, test } from 'vitest';
import { refuseHeaders, type Differences } from '../../src/admission/header-rules.ts';

const FOUND: Differences = {
  ...{ count: 14, isWhole: true, first: { path: '/usr/include/c++/12/vector', kind: 'differs' } },
  ...{ localPackage: 'libstdc++-12-dev 12.2.0-14', remotePackage: 'libstdc++-12-dev 12.2.0-9' },
};

test.each<[Partial<Differences>, string]>([
  [{}, '14 of 3,912 system headers differ: libstdc++-12-dev 12.2.0-14 here, 12.2.0-9 there'],
  [{ remotePackage: 'other 1' }, '14 of 3,912 system headers differ: libstdc++-12-dev 12.2.0-14 here, other 1 there'],
  [
    { remotePackage: 'libstdc++-12-dev 12.2.0-14' },
    '14 of 3,912 system headers differ: its /usr/include/c++/12/vector of libstdc++-12-dev 12.2.0-14 is another file',
  ],
  [
    { count: 1, first: { path: '/u/a.h', kind: 'missing' }, remotePackage: '' },
    '1 of 3,912 system headers differs: it has no /u/a.h, here from libstdc++-12-dev 12.2.0-14',
  ],
  [
    { isWhole: false, first: { path: '/u/a.h', kind: 'added' }, localPackage: '', remotePackage: 'x 1' },
    'at least 14 of 3,912 system headers differ: it has /u/a.h from x 1, which is not there here',
  ],
])('%j', (change, expected) => {
  expect(refuseHeaders({ ...FOUND, ...change }, 3_912).sentence).toBe(`${expected}; install the same packages there`);
});
