/** Reason literals of all parts of pmake as clauses. Pure. */
import { describeReason } from '../command/local-reasons.ts';
import { PLACEMENT_SENTENCES } from '../dispatch/reasons.ts';

/** A clause to follow "because"; an unknown literal, which another version may send, is returned as it is. */
export function describeAnyReason(reason: string): string {
  const placement: Readonly<Record<string, string>> = PLACEMENT_SENTENCES;
  return placement[reason] ?? describeReason(reason);
}
