import { expect, test } from 'vitest';
import type { ClusterView } from '../../src/protocol/local-broker.ts';
import { formatCluster } from '../../src/report/cluster-text.ts';
import { describeLoadLogFailure, formatExperiment, type LoadLogFailure } from '../../src/report/load-text.ts';
import { formatCompact } from '../../src/report/words.ts';
import { nodeName } from '../rig/names.ts';

test.each([
  [0, '0'],
  [0.1234, '0.123'],
  [100, '100'],
  [999.4, '999'],
  [1_000, '1k'],
  [23_456, '23.5k'],
  [2e9, '2G'],
  [3e20, '300000P'],
])('%d is %s', (value, text) => expect(formatCompact(value)).toBe(text));

test('memory is counted in powers of two', () => expect(formatCompact(1.5 * 2 ** 30, 1_024)).toBe('1.5G'));

const VIEW: ClusterView = {
  cluster: 'lab',
  node: nodeName('n1'),
  leader: { node: nodeName('n2'), term: 7 },
  nodes: [
    {
      node: nodeName('n1'),
      version: '1',
      state: 'free',
      slots: 8,
      inUse: 3,
      speed: 1.256,
      workers: 1,
      metrics: [
        { metric: 'cpu', total: 90, foreign: 3.2, highMark: 40, lowMark: 24, judges: 'foreign' },
        { metric: 'io', total: 2_000, foreign: 10 },
        {
          metric: 'freeMemory',
          total: 2 ** 31,
          foreign: 2 ** 31,
          highMark: 2 ** 30,
          lowMark: 2 ** 30,
          judges: 'foreign',
        },
      ],
      dropped: {},
    },
    {
      node: nodeName('n2'),
      version: '1',
      state: 'busy',
      busyBy: { metric: 'cpu', value: 97, mark: 95 },
      slots: 4,
      inUse: 0,
      speed: 1,
      workers: 0,
      metrics: [{ metric: 'cpu', total: 97, foreign: 2, highMark: 95, lowMark: 85, judges: 'total' }],
      dropped: {},
    },
  ],
  silent: [nodeName('n3')],
};

test('a pressure is shown where a node is judged by it: it can be why that one is busy', () => {
  const pressure = {
    metric: 'ioPressure',
    total: 55.4,
    foreign: 55.4,
    highMark: 40,
    lowMark: 20,
    judges: 'foreign',
  } as const;
  const measured = { metric: 'cpuPressure', total: 9, foreign: 9 };
  const [n1, n2] = VIEW.nodes;
  if (!n1 || !n2) throw new Error('two nodes');
  const text = formatCluster({ ...VIEW, nodes: [n1, { ...n2, metrics: [pressure, measured] }] });
  expect(text).toMatch(/FREE  I\/O STALL$/m);
  expect(text).toMatch(/^n2 .* 55%\/40%$/m);
});

test('a cluster is one line per node, and each judged figure has its mark', () => {
  expect(formatCluster(VIEW)).toBe(
    [
      'NODE  STATE      SLOTS  JOBS  SPEED      CPU  I/O  SWITCHES  PAGES  INTERRUPTS  NETWORK   FREE',
      'n1    free           8     3   1.26   3%/40%   10         -      -           -        -  2G/1G',
      'n2    busy: cpu      4     0   1.00  97%/95%    -         -      -           -        -      -',
      '',
      'Cluster "lab", led by n2 (term 7).',
      'n3 did not answer: its pmaked may be gone, or the way to it.',
      '',
    ].join('\n'),
  );
});

test('an experiment tells where each process ran, what came of it, and how even the load was', () => {
  const outcome = { wallMs: 20_000, cpuMs: 19_000, amount: 4.2e9, unit: 'flop' };
  const spread = { mean: 50, deviation: 2.345, least: 10, most: 100, nodes: 2 };
  const text = formatExperiment({
    runs: [
      { number: 1, nodes: ['n1', 'n2'], waitedMs: 40, outcome, trouble: ['n1: moved: its lease was lost (evicted)'] },
      { number: 2, nodes: [], waitedMs: 60_000, outcome: undefined, trouble: ['no node had a slot (patience)'] },
    ],
    report: {
      rows: [],
      overall: { cpu: spread, freeMemory: { ...spread, mean: 2 ** 30, most: 2 ** 31 } },
      nodes: { n1: { cpu: 87.5, freeMemory: 2 ** 31 }, n2: { cpu: 12.5 } },
      busyBy: { n1: { cpu: 2 } },
    },
  });
  expect(text).toBe(
    [
      'PROCESS  NODE     WAITED     RAN   CPU   DONE',
      '      1  n1 → n2  0.0 s      20 s  19 s  4.2G flop',
      '      2  -        1 min 0 s  -     -     not ended',
      '',
      'Across the nodes, over the whole time:',
      'METRIC      MEAN  DEVIATION  LEAST  MOST',
      'cpu           50       2.35     10   100',
      'freeMemory    1G       2.35     10    2G',
      '',
      'Each node, its means:',
      'NODE  CPU  FREE',
      'n1    88%    2G',
      'n2    13%     -',
      'n1 became busy: cpu 2 ×',
      'process 1: n1: moved: its lease was lost (evicted)',
      'process 2: no node had a slot (patience)',
      '',
    ].join('\n'),
  );
});

test.each<[LoadLogFailure, string]>([
  [{ reason: 'seconds-not-positive' }, '--seconds must be a number above 0'],
  [
    { reason: 'no-load-log', path: '/l' },
    '/l has no line of a load log; the broker\'s "loadLog" says where it writes one',
  ],
  [{ reason: 'unreadable', path: '/l', error: 'ENOENT: /l' }, '/l cannot be read: ENOENT: /l'],
])('nothing to report: %j', (failure, sentence) => {
  expect(describeLoadLogFailure(failure)).toBe(sentence);
});
