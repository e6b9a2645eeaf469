import { expect, test } from 'vitest';
import { splitWords } from '../../../src/make/invocation/own-switches.ts';

test.each<[string[], string[], string[]]>([
  [[], [], []],
  [['status'], [], ['status']],
  [['all', '--pmake-local', '-k'], ['local'], ['all', '-k']],
  [['--pmake-help', '--pmake-version'], ['help', 'version'], []],
  [['--', '--pmake-local'], [], ['--', '--pmake-local']],
  [['-f', '--pmake-local'], [], ['-f', '--pmake-local']],
  [['--file', '--pmake-local', '--pmake-local'], ['local'], ['--file', '--pmake-local']],
  [['4', '', 'a b', '--', '-x', '0x10'], [], ['4', '', 'a b', '--', '-x', '0x10']],
])('%j: own %j, make %j', (words, own, make) => {
  expect(splitWords(words)).toEqual({ ok: true, value: { own: new Set(own), make } });
});

test('a switch that pmake does not have is named', () => {
  expect(splitWords(['--pmake-locale'])).toEqual({
    ok: false,
    failure: { reason: 'unknown-switch', word: '--pmake-locale' },
  });
});
