import { expect, test } from 'vitest';
import type { BuildReport } from '../../src/protocol/control.ts';
import { formatSummary } from '../../src/report/summary.ts';
import { sampleReport } from './sample-report.ts';

test.each<[string, Partial<BuildReport>, string]>([
  [
    'a cluster at work',
    {
      there: 400,
      here: 26,
      byNode: { n3: 150, n2: 150, n4: 100 },
      hereReasons: { 'not-a-compile': 20, 'configure-probe': 6 },
    },
    'pmake: 426 jobs: 400 on 3 nodes (n2 150, n3 150, n4 100), 26 here (20 link, 6 configure test) in 12 s',
  ],
  ['one job', { there: 1, byNode: { n2: 1 } }, 'pmake: 1 job, all on n2 in 12 s'],
  ['all on one node', { there: 1_591, byNode: { n2: 1_591 } }, 'pmake: 1,591 jobs, all on n2 in 12 s'],
  [
    'more nodes than fit',
    { there: 21, byNode: { a: 6, b: 5, c: 4, d: 3, e: 2, f: 1 } },
    'pmake: 21 jobs, all on 6 nodes (a 6, b 5, c 4, d 3, 2 more) in 12 s',
  ],
  [
    'all here',
    { here: 3, hereReasons: { 'nodes-busy': 3 } },
    'pmake: 3 jobs, all here (3 nodes busy) in 12 s; see pmakectl explain',
  ],
  [
    'more reasons than fit',
    { there: 1, here: 10, byNode: { n2: 1 }, hereReasons: { archive: 1, language: 2, 'not-a-compile': 3, wrapper: 4 } },
    'pmake: 11 jobs: 1 on n2, 10 here (4 wrapper, 3 link, 2 language, 1 other) in 12 s',
  ],
  [
    'a reason that is not told',
    { here: 1, there: 1, byNode: { n2: 1 }, hereReasons: { '': 1 } },
    'pmake: 2 jobs: 1 on n2, 1 here in 12 s',
  ],
  [
    'one retry',
    { there: 5, byNode: { n2: 5 }, retries: 1, retryReasons: { 'node-lost': 1 } },
    'pmake: 5 jobs, all on n2 in 12 s; 1 retry (node lost)',
  ],
  [
    'retries',
    { there: 5, byNode: { n2: 5 }, retries: 3, retryReasons: { 'node-lost': 1, 'outputs-not-visible': 2 } },
    'pmake: 5 jobs, all on n2 in 12 s; 3 retries (outputs not visible)',
  ],
  [
    'a job that used no CPU',
    { there: 5, byNode: { n2: 5 }, idle: [{ file: '/t/a.c', node: 'n2' }] },
    'pmake: 5 jobs, all on n2 in 12 s; no CPU used for a minute by /t/a.c on n2',
  ],
  [
    'more such jobs than fit',
    { there: 5, byNode: { n2: 5 }, idle: ['a', 'b', 'c', 'd', 'e'].map((file) => ({ file, node: 'n2' })) },
    'pmake: 5 jobs, all on n2 in 12 s; no CPU used for a minute by a on n2, b on n2, c on n2 and 2 more (pmakectl explain)',
  ],
  ['nothing to compile', {}, 'pmake: no jobs in 12 s'],
  [
    'no nodes',
    { here: 2, nodesConfigured: 0, hereReasons: { 'no-nodes': 2 } },
    'pmake: 2 jobs, all here (2 no node) in 12 s; no nodes are configured: set PMAKE_NODES="host/slots ..." or write ~/.config/pmake/config.json',
  ],
  [
    'a problem',
    { there: 1, byNode: { n2: 1 }, problems: ['n3: its host key has changed.'] },
    'pmake: 1 job, all on n2 in 12 s; n3: its host key has changed (pmakectl nodes)',
  ],
  [
    'problems come before the hint, and stay on the line',
    { nodesConfigured: 0, problems: ['config.json: nodes:\n  a list is expected', 'x', 'y'] },
    'pmake: no jobs in 12 s; config.json: nodes: a list is expected, and 2 more problems (pmakectl nodes)',
  ],
])('%s', (_, changes, line) => {
  expect(formatSummary({ report: sampleReport(changes), wallMs: 12_345, trouble: '' })).toBe(line);
});

test('plain make, and why', () => {
  expect(formatSummary({ report: undefined, wallMs: 400, trouble: 'the shim is missing' })).toBe(
    'pmake: 0.4 s, all of it here: the shim is missing',
  );
});

test('a name with a line break cannot make two lines', () => {
  const report = sampleReport({ there: 2, byNode: { 'n\n2': 1, n3: 1 } });
  expect(formatSummary({ report, wallMs: 1, trouble: 'one\ntwo' })).not.toContain('\n');
});
