/** How a process ended: data, not failure. Signal numbers are Linux's. */
export type Termination =
  { readonly kind: 'exited'; readonly code: number } | { readonly kind: 'signalled'; readonly signal: number };

export function formatTermination(termination: Termination): string {
  return termination.kind === 'exited' ? `exit ${termination.code}` : `signal ${termination.signal}`;
}
