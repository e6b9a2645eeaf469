/**
 * Words for a login shell whose kind is not known: sh, bash, zsh, csh, tcsh and fish read them alike.
 * Unaware of what the words mean.
 */

/** Words that no shell touches. A leading `=` or `~` would be expanded by zsh, so `=` may not come first. */
const SAFE_WORD = /^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*$/;

/**
 * One word, so that every shell passes it on unchanged (line breaks aside: csh has no way to write them).
 * Backslashes stand outside of the quotes because fish, alone, reads them inside; `!` because csh does.
 */
export function quoteWord(word: string): string {
  if (word === '') return "''";
  if (SAFE_WORD.test(word)) return word;
  return word.replace(/['\\!]|[^'\\!]+/g, (run) => (/['\\!]/.test(run) ? `\\${run}` : `'${run}'`));
}

export function quoteWords(words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}
