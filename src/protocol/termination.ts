/** How a process ended. It is data, not a failure. Signal numbers are those of Linux. */
export type Termination =
  { readonly kind: 'exited'; readonly code: number } | { readonly kind: 'signalled'; readonly signal: number };

/** `exit 0` or `signal 9`. */
export function formatTermination(termination: Termination): string {
  return termination.kind === 'exited' ? `exit ${termination.code}` : `signal ${termination.signal}`;
}

/**
 * Signals whose default action stops a process or does nothing: SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU,
 * SIGURG, SIGWINCH.
 */
const NOT_DEADLY: ReadonlySet<number> = new Set([17, 18, 19, 20, 21, 22, 23, 28]);
/** SIGRTMAX. */
const LAST_SIGNAL = 64;

/** Whether a process can have ended by this signal. A shim that ended by any other would be stopped, or go on. */
export function isDeadlySignal(signal: number): boolean {
  return signal >= 1 && signal <= LAST_SIGNAL && !NOT_DEADLY.has(signal);
}
