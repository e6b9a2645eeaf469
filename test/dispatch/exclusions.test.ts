import { expect, it } from 'vitest';
import {
  areSameExclusions,
  excludeAll,
  lastingExclusions,
  mergeExclusions,
  NO_EXCLUSIONS,
} from '../../src/dispatch/exclusions.ts';

const FAILED = excludeAll(new Set(['n1', 'n2']), 'failed-job');
const CHECKED = excludeAll(new Set(['n2', 'n3']), 'being-checked');

it('merges: the last reason for a node takes precedence, and what adds nothing makes no other map', () => {
  expect([...mergeExclusions(CHECKED, FAILED)]).toEqual([
    ['n2', 'failed-job'],
    ['n3', 'being-checked'],
    ['n1', 'failed-job'],
  ]);
  expect(mergeExclusions(NO_EXCLUSIONS, FAILED, NO_EXCLUSIONS)).toBe(FAILED);
  expect(mergeExclusions()).toBe(NO_EXCLUSIONS);
});

it('tells nodes that cannot become usable by waiting from those that are being checked', () => {
  expect([...lastingExclusions(mergeExclusions(CHECKED, FAILED))]).toEqual(['n2', 'n1']);
});

it('compares by nodes and reasons', () => {
  expect(areSameExclusions(FAILED, excludeAll(new Set(['n2', 'n1']), 'failed-job'))).toBe(true);
  expect(areSameExclusions(FAILED, excludeAll(new Set(['n2', 'n1']), 'not-admitted'))).toBe(false);
  expect(areSameExclusions(FAILED, CHECKED)).toBe(false);
  expect(areSameExclusions(FAILED, NO_EXCLUSIONS)).toBe(false);
});
