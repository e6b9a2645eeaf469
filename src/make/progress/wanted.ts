/** Which of pmake's own lines the user wants, by the environment and the terminal. Pure. */

/** May a progress line be drawn on stderr at all? */
export function isProgressWanted(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  const isCi = Boolean(env.CI) && env.CI !== 'false';
  const canMove = Boolean(env.TERM) && env.TERM !== 'dumb';
  return isTerminal && canMove && !isCi && env.PMAKE_PROGRESS !== '0';
}

/** The line after the build: on a terminal, or as PMAKE_SUMMARY says. */
export function isSummaryWanted(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  return env.PMAKE_SUMMARY ? env.PMAKE_SUMMARY !== '0' : isTerminal;
}
