/** Decision which of pmake's own lines the user wants, by the environment and the terminal. Pure. */

/** Whether a progress line may be drawn on stderr at all. */
export function isProgressWanted(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  const isCi = Boolean(env.CI) && env.CI !== 'false';
  const canMove = Boolean(env.TERM) && env.TERM !== 'dumb';
  return isTerminal && canMove && !isCi && env.PMAKE_PROGRESS !== '0';
}

/** Whether the line after the build is printed: on a terminal, unless PMAKE_SUMMARY says otherwise. */
export function isSummaryWanted(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  return env.PMAKE_SUMMARY ? env.PMAKE_SUMMARY !== '0' : isTerminal;
}
