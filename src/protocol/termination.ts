/** How a process ended. It is data, not a failure. Signal numbers are those of Linux. */
export type Termination =
  { readonly kind: 'exited'; readonly code: number } | { readonly kind: 'signalled'; readonly signal: number };

/** `exit 0` or `signal 9`. */
export function formatTermination(termination: Termination): string {
  return termination.kind === 'exited' ? `exit ${termination.code}` : `signal ${termination.signal}`;
}
