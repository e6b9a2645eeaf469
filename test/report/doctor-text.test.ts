import { expect, test } from 'vitest';
import {
  describeNodesFailure,
  formatDoctor,
  type DoctorNode,
  type DoctorReport,
} from '../../src/report/doctor-text.ts';

const GOOD: DoctorNode = {
  name: 'n2',
  isUsable: true,
  lines: [
    { check: 'tree', level: 'ok', text: 'sees it', remedy: '' },
    { check: 'sees-files', level: 'note', text: 'sees files late', remedy: 'lookupcache=positive' },
  ],
};
const BAD: DoctorNode = {
  name: 'n3',
  isUsable: false,
  lines: [{ check: 'clock', level: 'fail', text: 'its clock is 3.0 s ahead', remedy: 'ntp' }],
};

function report(works: boolean, nodes: readonly DoctorNode[]): DoctorReport {
  return { directory: '/t', works, here: [{ check: 'clock', level: 'ok', text: 'clock agrees', remedy: '' }], nodes };
}

test('each finding is a line with a mark and what to do, under the name of its machine', () => {
  expect(formatDoctor(report(true, [GOOD, BAD]))).toBe(
    [
      'This host, /t',
      '  ✓ clock agrees',
      '',
      'n2',
      '  ✓ sees it',
      '  ! sees files late: lookupcache=positive',
      '',
      'n3',
      '  ✗ its clock is 3.0 s ahead: ntp',
      '',
      '1 of 2 nodes can be used: a build here would run on it.\n',
    ].join('\n'),
  );
});

test.each<[boolean, readonly DoctorNode[], string]>([
  [true, [GOOD, GOOD], '2 of 2 nodes can be used: a build here would run on them.'],
  [false, [GOOD, BAD], '1 of 2 nodes can be used: see ✗ above for what is in the way.'],
  [false, [BAD], '0 of 1 node can be used: a build here would run on this host alone.'],
  [false, [], '0 of 0 nodes can be used: a build here would run on this host alone.'],
])('the last line says whether a build would use them: %s %#', (works, nodes, last) => {
  expect(formatDoctor(report(works, nodes)).trimEnd().split('\n').at(-1)).toBe(last);
});

test('without nodes it says how to configure them, and what is wrong with the configuration', () => {
  expect(describeNodesFailure({ kind: 'no-nodes' })).toBe(
    'No nodes are configured: set PMAKE_NODES="host/slots ..." or write ~/.config/pmake/config.json.',
  );
  expect(describeNodesFailure({ kind: 'empty', file: '/c' })).toBe(
    '/c is not JSON: it is empty; expected a JSON object',
  );
});
