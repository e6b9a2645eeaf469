import { describe, expect, test } from 'vitest';
import { fillRow, releaseRow, reserveRow } from '../../../src/make/progress/status-row.ts';
import { seededRandom } from '../../broker/seeded-random.ts';
import { Screen } from './screen.ts';

const ROWS = 8;
const COLUMNS = 30;

describe('the status row', () => {
  test('stands on the last row while text scrolls above it', () => {
    const screen = new Screen(ROWS, COLUMNS);
    screen.write('one\ntwo ');
    screen.write(reserveRow(ROWS) + fillRow(ROWS, 'status'));
    screen.write('three\n');
    for (let line = 0; line < 20; line += 1) screen.write(`line ${line}\n`);
    expect(screen.lines.at(-1)).toBe('status');
    expect(screen.lines.at(-3)).toBe('line 19');
    expect(screen.scrolledOff.slice(0, 3)).toEqual(['one', 'two three', 'line 0']);
  });

  test('is empty when it is given back, and the whole screen scrolls again', () => {
    const screen = new Screen(ROWS, COLUMNS);
    screen.write(reserveRow(ROWS) + fillRow(ROWS, 'status') + releaseRow(ROWS));
    for (let line = 0; line < 20; line += 1) screen.write(`\nline ${line}`);
    expect(screen.lines.at(-1)).toBe('line 19');
    expect(screen.transcript).not.toContain('status');
  });

  test('whatever is printed, whenever the row comes and goes: all of it is there, in order, and nothing else', () => {
    const seed = Number(process.env.PMAKE_TEST_SEED ?? 7);
    const random = seededRandom(seed);
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
    for (let round = 0; round < 300; round += 1) {
      const [plain, shared] = [new Screen(ROWS, COLUMNS), new Screen(ROWS, COLUMNS)];
      let isShown = false;
      for (let step = 0; step < 40; step += 1) {
        const text = pick(['', 'word ', 'gcc -c a.c\n', '\n', 'a\nb\nc\n', 'error: x\n  here\n']);
        plain.write(text);
        shared.write(text);
        const what = pick(['show', 'hide', 'fill', 'nothing']);
        if (what === 'show' && !isShown) shared.write(reserveRow(ROWS) + fillRow(ROWS, '@@@@'));
        if (what === 'fill' && isShown) shared.write(fillRow(ROWS, '@@@@@@'));
        if (what === 'hide' && isShown) shared.write(releaseRow(ROWS));
        if (what === 'show') isShown = true;
        if (what === 'hide') isShown = false;
      }
      if (isShown) shared.write(releaseRow(ROWS));
      expect({ seed, round, transcript: shared.transcript }).toEqual({ seed, round, transcript: plain.transcript });
    }
  });
});
