/** A node as checks see it, what comes of a check, and a question with a limit. Unaware of what is asked. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Refusal } from '../../admission/admission-rules.ts';
import type { Findings, Inspection } from '../../protocol/inspection.ts';
import type { NodeLink } from '../../remote/node-link.ts';
import type { TreeCondition } from './conditions.ts';

/** A node that says nothing for so long is refused until it is asked again. */
export const ANSWER_LIMIT_MS = 20_000;

/** What a node said that jobs count on. */
export interface Held {
  /** Undefined where it was asked nothing. */
  readonly stamp: string | undefined;
  /** Of what it was asked besides. */
  readonly further?: readonly string[];
  /** Of a tree: it read a proof, which holds for all that is on that mount there. */
  readonly isProven?: boolean;
  /** Of a tree: what is mounted below its directory, by names relative to it; undefined where that is not known. */
  readonly mountsBelow?: readonly string[] | undefined;
}

/** What came of a check. */
export type Checked =
  { readonly kind: 'refused'; readonly refusal: Refusal } | { readonly kind: 'held'; readonly held: Held };

/** A node as a check sees it. */
export interface CheckedNode {
  readonly link: NodeLink;
  /** What it says of a tree, asked now if it was not yet; undefined for one that it is not admitted for. */
  readonly tree: (condition: TreeCondition) => Promise<Held | undefined>;
}

/** Resolves with undefined when there is no answer in time. */
export function ask<I extends Inspection>(
  link: NodeLink,
  inspection: I,
  limitMs = ANSWER_LIMIT_MS,
): Promise<Findings[I['kind']] | undefined> {
  const limit = delay(limitMs, undefined, { ref: false });
  return Promise.race([link.inspect(inspection), limit]);
}
