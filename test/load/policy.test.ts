import { describe, expect, it } from 'vitest';
import { FIXED_PRESETS, parsePolicy, withRows } from '../../src/load/policy.ts';

const row = { metric: 'cpu', highMark: 50, lowMark: 30, judges: 'total', evictionMark: 80 };

describe('a policy', () => {
  it('is a preset by name, rows, or both', () => {
    expect(parsePolicy('cpu-only')).toEqual({ ok: true, value: { preset: 'cpu-only', rows: [] } });
    expect(parsePolicy({ rows: [row] })).toEqual({ ok: true, value: { preset: undefined, rows: [row] } });
    expect(parsePolicy({ preset: 'adaptive', rows: [{ metric: 'io', highMark: 9 }] })).toEqual({
      ok: true,
      value: { preset: 'adaptive', rows: [{ metric: 'io', highMark: 9, lowMark: 9, judges: 'foreign' }] },
    });
  });

  const mistakes: readonly (readonly [unknown, object])[] = [
    [7, { reason: 'not-a-policy' }],
    [{}, { reason: 'not-a-policy' }],
    [[row], { reason: 'not-a-policy' }],
    ['pants', { reason: 'unknown-preset', preset: '"pants"' }],
    [{ preset: 3 }, { reason: 'unknown-preset', preset: '3' }],
    [
      { preset: 'adaptive', row: [] },
      { reason: 'unknown-key', key: 'row' },
    ],
    [{ rows: row }, { reason: 'rows-not-a-list' }],
    [{ rows: [row, null] }, { reason: 'row-not-an-object', row: 1 }],
    [{ rows: [{ ...row, high: 4 }] }, { reason: 'unknown-key', row: 0, key: 'high' }],
    [{ rows: [{ ...row, metric: 'CPU' }] }, { reason: 'unknown-metric', row: 0 }],
    [{ rows: [row, row] }, { reason: 'metric-twice', row: 1, metric: 'cpu' }],
    [{ rows: [{ ...row, highMark: '50' }] }, { reason: 'mark-not-a-number', row: 0, key: 'highMark' }],
    [{ rows: [{ ...row, lowMark: -1 }] }, { reason: 'mark-not-a-number', row: 0, key: 'lowMark' }],
    [{ rows: [{ ...row, evictionMark: null }] }, { reason: 'mark-not-a-number', row: 0, key: 'evictionMark' }],
    [{ rows: [{ ...row, judges: 'own' }] }, { reason: 'judges-neither', row: 0 }],
    [{ rows: [{ ...row, lowMark: 51 }] }, { reason: 'low-mark-over-high-mark', row: 0, metric: 'cpu' }],
    [{ rows: [{ ...row, evictionMark: 49 }] }, { reason: 'high-mark-over-eviction-mark', row: 0, metric: 'cpu' }],
    [
      { rows: [{ metric: 'freeMemory', highMark: 2, lowMark: 1 }] },
      { reason: 'low-mark-over-high-mark', row: 0, metric: 'freeMemory' },
    ],
  ];
  for (const [value, failure] of mistakes) {
    it(`is not ${JSON.stringify(value)}`, () => expect(parsePolicy(value)).toEqual({ ok: false, failure }));
  }

  it('of 2002 has the figures of table 2', () => {
    const marks = FIXED_PRESETS['pants-2002'].map(({ metric, highMark, judges }) => [metric, highMark, judges]);
    expect(marks).toEqual([
      ['cpu', 95, 'total'],
      ['io', 1_000, 'total'],
      ['switches', 6_000, 'total'],
      ['paging', 4_000, 'total'],
      ['interrupts', 115_000, 'total'],
    ]);
    expect(FIXED_PRESETS['cpu-only']).toEqual(FIXED_PRESETS['pants-2002'].slice(0, 1));
  });

  it('takes its own rows before the preset’s', () => {
    const rows = withRows(FIXED_PRESETS['cpu-only'], [
      { metric: 'cpu', highMark: 1, lowMark: 1, judges: 'foreign' },
      { metric: 'io', highMark: 2, lowMark: 2, judges: 'foreign' },
    ]);
    expect(rows.map(({ metric, highMark }) => [metric, highMark])).toEqual([
      ['cpu', 1],
      ['io', 2],
    ]);
  });
});
