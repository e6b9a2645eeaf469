/**
 * A leader's reign: a counter and the node that leads, ordered. Unaware of how one comes to lead.
 */
import type { NodeName } from '../../protocol/names.ts';

/** No two nodes lead in the same term, because a node stands only under its own id. */
export interface Term {
  readonly counter: number;
  readonly nodeId: NodeName;
}

/** Negative when `a` is the lower term, 0 when they are the same, positive when `a` is the higher. */
export function compareTerms(a: Term, b: Term): number {
  if (a.counter !== b.counter) return a.counter - b.counter;
  if (a.nodeId === b.nodeId) return 0;
  return a.nodeId < b.nodeId ? -1 : 1;
}

export function formatTerm(term: Term): string {
  return `${term.counter}/${term.nodeId}`;
}
