/**
 * Quoting for a login shell of an unknown kind: sh, bash, zsh, csh, tcsh and fish read the result alike.
 * Unaware of what the words mean.
 */

/** Words that no shell changes. zsh would expand a leading `=` or `~`, so `=` may not come first. */
const SAFE_WORD = /^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*$/;

/**
 * Quotes one word so that every shell passes it on unchanged (except for line breaks, which csh cannot express).
 * Backslashes are placed outside of the quotes because fish interprets them inside, and `!` because csh does.
 */
export function quoteWord(word: string): string {
  if (word === '') return "''";
  if (SAFE_WORD.test(word)) return word;
  return word.replace(/['\\!]|[^'\\!]+/g, (run) => (/['\\!]/.test(run) ? `\\${run}` : `'${run}'`));
}

/** Quotes each word and joins them with blanks. */
export function quoteWords(argv: readonly string[]): string {
  return argv.map(quoteWord).join(' ');
}
