/** A node as checks see it, the outcome of a check, and a query with a timeout. Unaware of what is asked. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Refusal } from '../../admission/admission-rules.ts';
import type { Findings, Inspection } from '../../protocol/inspection.ts';
import type { NodeLink } from '../../remote/node-link.ts';
import type { TreeRequirement } from './requirements.ts';

/** A node that does not answer within this time is refused until it is asked again. */
export const ANSWER_LIMIT_MS = 20_000;

/** Facts reported by a node that jobs depend on. */
export interface HeldFacts {
  /** Undefined if the node was not queried. */
  readonly stamp: string | undefined;
  /** Stamps of further queries. */
  readonly further?: readonly string[];
  /** For a tree: the node read a proof, which holds for everything on that mount of the node. */
  readonly isProven?: boolean;
  /** For a tree: mount points below its directory, relative to it; undefined if unknown. */
  readonly mountsBelow?: readonly string[] | undefined;
}

/** Outcome of a check. */
export type Checked =
  { readonly kind: 'refused'; readonly refusal: Refusal } | { readonly kind: 'held'; readonly held: HeldFacts };

/** A node as a check sees it. */
export interface CheckedNode {
  readonly link: NodeLink;
  /** What the node reports about a tree, queried now if necessary; undefined if the node is not admitted for it. */
  readonly tree: (requirement: TreeRequirement) => Promise<HeldFacts | undefined>;
}

/** Sends a query. Resolves with undefined on timeout. */
export function ask<I extends Inspection>(
  link: NodeLink,
  inspection: I,
  limitMs = ANSWER_LIMIT_MS,
): Promise<Findings[I['kind']] | undefined> {
  const limit = delay(limitMs, undefined, { ref: false });
  return Promise.race([link.inspect(inspection), limit]);
}
