/**
 * Split of pmakectl's arguments at `--`. The command after it is kept from yargs, which would parse it for positionals,
 * options and numbers. Unaware of verbs.
 */

/** pmakectl's arguments, split. */
export interface VerbWords {
  /** The arguments for the option parser. */
  readonly own: readonly string[];
  /** The unchanged arguments after the first `--`; undefined if none exists. */
  readonly command: readonly string[] | undefined;
}

/** Splits at the first `--`. */
export function splitAtDashes(argv: readonly string[]): VerbWords {
  const at = argv.indexOf('--');
  return at < 0 ? { own: argv, command: undefined } : { own: argv.slice(0, at), command: argv.slice(at + 1) };
}
