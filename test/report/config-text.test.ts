import { expect, test } from 'vitest';
import type { FileProblem } from '../../src/config/problem.ts';
import { describeConfigProblem } from '../../src/report/config-text.ts';

// What is wrong inside a file is told by test/config/load-config.test.ts, from real files.
test.each<[FileProblem, string]>([
  [{ kind: 'unreadable', code: 'EACCES' }, '/c cannot be read (EACCES); make it a file that you may read'],
  [{ kind: 'not-regular-file' }, '/c cannot be read (not a regular file); make it a file that you may read'],
  [{ kind: 'too-long', maxCharacters: 9 }, '/c is not JSON: more than 9 characters; expected a short JSON object'],
])('a file without settings: %j', (problem, sentence) => {
  expect(describeConfigProblem({ file: '/c', ...problem })).toBe(sentence);
});
