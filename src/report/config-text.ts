/** Mistakes in the configuration, as sentences. Pure. */
import type { ConfigProblem } from '../config/problem.ts';

/** One sentence: where, what, and what to write instead. */
export function describeConfigProblem(problem: ConfigProblem): string {
  const { file } = problem;
  switch (problem.kind) {
    case 'unreadable':
      return `${file} cannot be read (${problem.code}); make it a file that you may read`;
    case 'not-regular-file':
      return `${file} cannot be read (not a regular file); make it a file that you may read`;
    case 'too-long':
      return `${file} is not JSON: more than ${problem.maxCharacters} characters; expected a short JSON object`;
    case 'empty':
      return `${file} is not JSON: it is empty; expected a JSON object`;
    case 'not-json': {
      const { error, place } = problem;
      const where = place ? ` in line ${place.line}, column ${place.column}` : '';
      return `${file} is not JSON: ${error}${where}; expected a JSON object`;
    }
    case 'unknown-key':
      return `${placeOf(problem)} is not a setting; ${problem.expected}`;
    case 'wrong-value':
    case 'bad-node':
      return `${placeOf(problem)} is ${problem.found}; expected ${problem.expected}`;
    case 'duplicate-node':
      return `${placeOf(problem)} names ${problem.found} a second time; expected ${problem.expected}`;
  }
}

function placeOf({ file, key }: { readonly file: string; readonly key: string }): string {
  return key === '' ? file : `${file}: ${key}`;
}
