import { describe, expect, it } from 'vitest';
import { changeLine, formatLogLine, parseLogLine, sampleLine, type LogLine } from '../../src/load/load-log.ts';
import { LoadReducer } from '../../src/load/load-report.ts';
import { METRICS } from '../../src/load/metrics.ts';
import { seededRandom } from '../broker/seeded-random.ts';
import { makeSample } from './make-sample.ts';

const by = { metric: 'cpu', value: 99.5, mark: 95 } as const;
const LINES: readonly LogLine[] = [
  sampleLine('n1', makeSample(5_000, { cpu: 12.5, io: 7 }, { total: { cpu: 99 } })),
  changeLine('n1', 5_000, { kind: 'became-busy', by }),
  changeLine('n1', 6_000, { kind: 'became-available' }),
  changeLine('n2', 6_000, { kind: 'evict', by }),
  changeLine('n2', 7_000, { kind: 'evict-over' }),
];

describe('the load log', () => {
  for (const line of LINES) {
    it(`reads the ${line.kind} that it wrote, as one line`, () => {
      const text = formatLogLine(line);
      expect(text.indexOf('\n')).toBe(text.length - 1);
      expect(parseLogLine(text)).toEqual(line);
    });
  }

  it('rounds, so that a line stays short', () => {
    const line = sampleLine('n1', makeSample(1, Object.fromEntries(METRICS.map((metric) => [metric, 1e9 / 3]))));
    expect(formatLogLine(line).length).toBeLessThan(600);
    expect(formatLogLine(line)).toContain('"cpu":333333333.333,');
  });

  it('skips every torn line and no whole one', () => {
    for (const line of LINES) {
      const text = formatLogLine(line).trimEnd();
      for (let end = 0; end < text.length; end++) expect(parseLogLine(text.slice(0, end))).toBeUndefined();
    }
  });

  for (const text of [
    '[]',
    'null',
    '{"v":2,"kind":"evict-over","atMs":1,"node":"a"}',
    '{"v":1,"kind":"sample","atMs":1,"node":"a","intervalMs":1000,"total":{}}',
    '{"v":1,"kind":"became-busy","atMs":1,"node":"a","by":{"metric":"gpu","value":1,"mark":1}}',
    '{"v":1,"kind":"sleep","atMs":1,"node":"a"}',
    '{"v":1,"kind":"evict-over","atMs":"1","node":"a"}',
    '{"v":1,"kind":"evict-over","atMs":1e999,"node":"a"}',
    '{"v":1,"kind":"became-busy","atMs":1,"node":"a","by":{"metric":"cpu","value":1e999,"mark":1}}',
    `{"v":1,"kind":"evict-over","atMs":1,"node":"${'x'.repeat(5_000)}"}`,
  ]) {
    it(`is not ${text.slice(0, 80)}`, () => expect(parseLogLine(text)).toBeUndefined());
  }
});

describe('the report', () => {
  const sample = (node: string, atMs: number, cpu: number, intervalMs = 1_000): LogLine => ({
    kind: 'sample',
    node,
    atMs,
    intervalMs,
    total: { cpu },
    foreign: { cpu: 0 },
  });
  const report = (lines: readonly LogLine[], bucketMs = 5_000, part: 'total' | 'foreign' = 'total') => {
    const reducer = new LoadReducer(bucketMs, part);
    for (const line of lines) reducer.add(line);
    return reducer.report();
  };

  it('gives mean and deviation across the nodes, each node counting once', () => {
    // n1 looks each second and n2 each five: both are one node.
    const lines = [
      ...[90, 90, 100, 110, 110].map((cpu, index) => sample('n1', 10_000 + 1_000 * index, cpu)),
      sample('n2', 10_000, 20, 5_000),
    ];
    expect(report(lines).rows).toEqual([
      { atMs: 10_000, spreads: { cpu: { mean: 60, deviation: 40, least: 20, most: 100, nodes: 2 } } },
    ]);
  });

  it('weights a sample by its interval', () => {
    const { rows } = report([sample('n1', 0, 10, 1_000), sample('n1', 1_000, 50, 3_000)]);
    expect(rows[0]?.spreads.cpu?.mean).toBe(40);
  });

  it('shows the foreign part when asked', () => {
    expect(report([sample('n1', 0, 80)], 5_000, 'foreign').rows[0]?.spreads.cpu?.mean).toBe(0);
  });

  it('tells a shared load from one that is not by the overall deviation', () => {
    const times = Array.from({ length: 20 }, (_, index) => index * 5_000);
    const alone = report(times.flatMap((atMs) => [sample('a', atMs, 100), sample('b', atMs, 0)])).overall.cpu;
    const shared = report(times.flatMap((atMs) => [sample('a', atMs, 55), sample('b', atMs, 45)])).overall.cpu;
    expect(alone).toMatchObject({ mean: 50, deviation: 50, least: 0, most: 100, nodes: 2 });
    expect(shared).toMatchObject({ mean: 50, deviation: 5, least: 45, most: 55, nodes: 2 });
  });

  it('is the same in whatever order the lines come', () => {
    const random = seededRandom(7);
    const lines = Array.from({ length: 300 }, (_, index) =>
      sample(`n${index % 7}`, Math.floor(random() * 60_000), Math.floor(random() * 100)),
    );
    const shuffled = [...lines].sort((a, b) => a.atMs - b.atMs || a.node.localeCompare(b.node));
    // But for the last bit of a sum.
    const rounded = (value: unknown) =>
      JSON.stringify(value, (_key, each: unknown) => (typeof each === 'number' ? each.toFixed(6) : each));
    expect(rounded(report(shuffled))).toEqual(rounded(report(lines)));
  });

  it('tells each node’s means over the whole time, however it was cut', () => {
    const lines = [sample('n2', 0, 10, 1_000), sample('n1', 7_000, 80), sample('n2', 20_000, 50, 3_000)];
    const { nodes } = report(lines);
    expect(nodes).toEqual({ n1: { cpu: 80 }, n2: { cpu: 40 } });
    expect(Object.keys(nodes)).toEqual(['n1', 'n2']);
  });

  it('takes no number that a plot has no place for', () => {
    const [line] = LINES;
    if (!line) throw new Error('no line');
    const text = formatLogLine(line).replace(/"atMs":[^,]*/, '"atMs":1e999');
    expect(parseLogLine(text)).toBeUndefined();
  });

  it('counts what made nodes busy', () => {
    expect(report([...LINES, ...LINES]).busyBy).toEqual({ n1: { cpu: 2 } });
  });
});
