import { describe, expect, test } from 'vitest';
import { printable, printableLine } from '../../src/util/printable.ts';

describe('text from outside', () => {
  test.each([
    ['a title for the window', '\x1b]0;owned\x07', '\\u001b]0;owned\\u0007'],
    ['the eight-bit form of an escape', '\x9b31m', '\\u009b31m'],
    ['a carriage return that overwrites the line', 'node2\rall is well', 'node2\\u000dall is well'],
    ['backspaces', 'no\b\byes', 'no\\u0008\\u0008yes'],
    ['a text that runs backwards', 'a\u202eb', 'a\\u202eb'],
    ['a separator of lines', 'a\u2028b', 'a\\u2028b'],
  ])('cannot hold %s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
    expect(printableLine(text)).toBe(shown);
  });

  test('is otherwise as it was: letters of all kinds, lines, tables', () => {
    const text = 'é 日本 naïve\tx\nüber “quoted” 😀\n';
    expect(printable(text)).toBe(text);
  });

  test('within a line begins no other, and is no longer than it may be', () => {
    expect(printableLine('a\nproblem: none\tb')).toBe('a\\u000aproblem: none\\u0009b');
    expect(printableLine('x'.repeat(100), 10)).toBe(`${'x'.repeat(10)}…`);
  });

  test('is still the same JSON', () => {
    const value = { name: '\x1b[2J\x9b\u202e' };
    const shown = printable(JSON.stringify(value));
    expect(shown).not.toMatch(/[\x1b\x9b\u202e]/);
    expect(JSON.parse(shown)).toEqual(value);
  });

  test('of a million escapes takes no longer than it is long', () => {
    expect(printable('\x1b'.repeat(1_000_000))).toHaveLength(6_000_000);
  });
});
