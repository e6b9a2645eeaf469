/**
 * A verb's command behind `--`, kept from the option parser: yargs reads it once more as positionals, options and
 * numbers. Unaware of verbs.
 */

export interface VerbWords {
  /** For the option parser. */
  readonly own: readonly string[];
  /** What stands behind the first `--`, as it was; undefined when there is none. */
  readonly command: readonly string[] | undefined;
}

export function splitAtDashes(words: readonly string[]): VerbWords {
  const at = words.indexOf('--');
  return at < 0 ? { own: words, command: undefined } : { own: words.slice(0, at), command: words.slice(at + 1) };
}
