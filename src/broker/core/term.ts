/**
 * A leader's term: a counter and the leading node, totally ordered. Unaware of how leaders are elected.
 */
import type { NodeName } from '../../protocol/names.ts';

/** No two nodes lead in the same term, because a node stands only under its own id. */
export interface Term {
  readonly counter: number;
  readonly nodeId: NodeName;
}

/** Negative if `a` is the lower term, 0 if they are equal, positive if `a` is the higher one. */
export function compareTerms(a: Term, b: Term): number {
  if (a.counter !== b.counter) return a.counter - b.counter;
  if (a.nodeId === b.nodeId) return 0;
  return a.nodeId < b.nodeId ? -1 : 1;
}

/** `counter/node`, for displays. */
export function formatTerm(term: Term): string {
  return `${term.counter}/${term.nodeId}`;
}
