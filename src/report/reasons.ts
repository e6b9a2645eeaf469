/** Every reason literal as a clause, whichever part of pmake decided. Pure. */
import { describeReason } from '../command/reasons.ts';
import { PLACEMENT_SENTENCES } from '../dispatch/reasons.ts';

/** A clause, to follow "because"; the literal itself when it is of a version that we do not know. */
export function describeAnyReason(reason: string): string {
  const placement: Readonly<Record<string, string>> = PLACEMENT_SENTENCES;
  return placement[reason] ?? describeReason(reason);
}
