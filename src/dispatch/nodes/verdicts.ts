/** Verdicts on one node, and what follows from them for jobs. Pure; unaware of how a node is checked. */
import type { Refusal } from '../../admission/admission-rules.ts';
import type { NodeLink } from '../../remote/node-link.ts';
import type { Exclusion } from '../exclusions.ts';
import type { HeldFacts } from './asking.ts';
import type { Requirement } from './requirements.ts';

/** A refusal, and when the node is checked again. */
export interface Refused {
  readonly refusal: Refusal;
  readonly failures: number;
  againMs: number;
}

/** What is known about one requirement on one node. */
export type Verdict =
  { readonly kind: 'admitted'; readonly held: HeldFacts } | Checking | ({ readonly kind: 'refused' } & Refused);

/** A check under way. */
export interface Checking {
  readonly kind: 'checking';
  /** Resolves with the refusal, if any. */
  readonly done: Promise<Refusal | undefined>;
  /** The earlier refusal, if the node was refused before. */
  readonly after: Refused | undefined;
  /** True once jobs no longer wait for the check. */
  isSlow: boolean;
}

/** A node with its verdicts, for as long as its connection lasts. */
export interface Candidate {
  readonly node: string;
  readonly link: NodeLink;
  readonly verdicts: Map<Requirement, Verdict>;
}

/**
 * Why a node must not get jobs with these requirements; undefined if it may.
 * @param isLate builds have stopped waiting for the node's slow checks
 */
export function exclusionOf(
  { verdicts }: Candidate,
  requirements: readonly Requirement[],
  isLate: boolean,
): Exclusion | undefined {
  const found = requirements.map((requirement) => verdicts.get(requirement));
  if (found.some((verdict) => refusedOf(verdict) !== undefined)) return 'not-admitted';
  if (!found.some(isSlowCheck)) return undefined;
  return isLate ? 'not-admitted' : 'being-checked';
}

/** True for a check that jobs no longer wait for. */
export function isSlowCheck(verdict: Verdict | undefined): boolean {
  return verdict?.kind === 'checking' && verdict.isSlow;
}

/** The refusal that applies now, also while it is checked again. */
export function refusedOf(verdict: Verdict | undefined): Refused | undefined {
  if (verdict?.kind === 'checking') return verdict.after;
  return verdict?.kind === 'refused' ? verdict : undefined;
}

/** All refusals of a node. */
export function refusalsOf(candidate: Candidate | undefined): Refused[] {
  return [...(candidate?.verdicts.values() ?? [])].map(refusedOf).filter((refused) => refused !== undefined);
}

/** Stamps of everything that was reported for one requirement. */
export function stampsOf({ stamp, further = [] }: HeldFacts): readonly string[] {
  return stamp === undefined ? further : [stamp, ...further];
}
