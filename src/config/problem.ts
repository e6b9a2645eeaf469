/**
 * Mistakes in the configuration, as values, and the messages for them. Unaware of how the configuration is found or
 * read.
 */

/** A mistake at one place in the configuration. */
export interface ConfigProblem {
  readonly kind: 'unreadable' | 'not-json' | 'unknown-key' | 'wrong-value' | 'bad-node' | 'duplicate-node';
  /** The file's path, or the name of the environment variable. */
  readonly file: string;
  /** Path of the key inside the file (`nodes[1].slots`), or the word in PMAKE_NODES; empty for the file as a whole. */
  readonly key: string;
  /** What was expected, as a noun phrase. */
  readonly expected: string;
  /** What was found. */
  readonly found: string;
}

/** One sentence: where, what, and what to write instead. */
export function describeConfigProblem(problem: ConfigProblem): string {
  const place = problem.key === '' ? problem.file : `${problem.file}: ${problem.key}`;
  switch (problem.kind) {
    case 'unreadable':
      return `${place} cannot be read (${problem.found}); make it ${problem.expected}`;
    case 'not-json':
      return `${place} is not JSON: ${problem.found}; expected ${problem.expected}`;
    case 'unknown-key':
      return `${place} is not a setting; ${problem.expected}`;
    case 'wrong-value':
    case 'bad-node':
      return `${place} is ${problem.found}; expected ${problem.expected}`;
    case 'duplicate-node':
      return `${place} names ${problem.found} a second time; expected ${problem.expected}`;
  }
}
