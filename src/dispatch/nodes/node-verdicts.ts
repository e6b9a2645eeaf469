/**
 * What is known about the nodes that are connected, for jobs and for users: who must not get which jobs, and why. Unaware
 * of how a node is checked, and when.
 */
import type { Refusal } from '../../admission/admission-rules.ts';
import type { NodeLink } from '../../remote/node-link.ts';
import type { Exclusion, Exclusions } from '../exclusions.ts';
import { CheckPatience } from './check-patience.ts';
import type { Requirement } from './requirements.ts';
import { exclusionOf, isSlowCheck, refusalsOf, refusedOf, type Candidate } from './verdicts.ts';

/** The refusal of a node that does not answer in time. */
export const LATE: Refusal = { reason: 'no-answer', sentence: 'it takes too long to answer what is checked' };

/** The connected nodes and their verdicts. */
export class NodeVerdicts {
  readonly #link: (node: string) => NodeLink | undefined;
  readonly #candidates = new Map<string, Candidate>();
  readonly #patience: CheckPatience;

  /** @param onLate builds have stopped waiting for a node's slow checks */
  constructor(link: (node: string) => NodeLink | undefined, onLate: () => void) {
    this.#link = link;
    this.#patience = new CheckPatience(onLate);
  }

  /** The node with the verdicts on its present connection; undefined if it has none. */
  of(node: string): Candidate | undefined {
    const link = this.#link(node);
    const known = this.#candidates.get(node);
    if (known && known.link === link) return known;
    this.#candidates.delete(node);
    if (!link) return undefined;
    const candidate: Candidate = { node, link, verdicts: new Map() };
    this.#candidates.set(node, candidate);
    return candidate;
  }

  all(): Iterable<Candidate> {
    return this.#candidates.values();
  }

  /** False for a connection that has been replaced. */
  isCurrent(candidate: Candidate): boolean {
    return this.#candidates.get(candidate.node) === candidate;
  }

  /** The node has a check that jobs no longer wait for; they wait for the node for a while. */
  noteSlow({ node }: Candidate): void {
    this.#patience.begin(node);
  }

  /** True if builds have stopped waiting for the node's slow checks. */
  isGivenUp({ node }: Candidate): boolean {
    return this.#patience.isOver(node);
  }

  /** Builds stop waiting for the node's slow checks. */
  giveUp({ node }: Candidate): void {
    this.#patience.giveUp(node);
  }

  /** Another build begins: a node that was slow may be quick now. */
  renewPatience(): void {
    this.#patience.renew((node) => [...(this.of(node)?.verdicts.values() ?? [])].some(isSlowCheck));
  }

  /** Why the node must not get jobs with these requirements now; undefined if it may. */
  exclusionOf(candidate: Candidate, requirements: readonly Requirement[]): Exclusion | undefined {
    return exclusionOf(candidate, requirements, this.#patience.isOver(candidate.node));
  }

  /** The same for all nodes. */
  exclusionsFor(requirements: readonly Requirement[]): Exclusions {
    const exclusions = new Map<string, Exclusion>();
    for (const candidate of this.#candidates.values()) {
      const exclusion = this.exclusionOf(candidate, requirements);
      if (exclusion) exclusions.set(candidate.node, exclusion);
    }
    return exclusions;
  }

  /** Why a node that is up may not run jobs with these requirements: what the first refused node lacks. */
  refusalFor(requirements: readonly Requirement[]): string | undefined {
    for (const { node, verdicts } of this.#candidates.values()) {
      for (const requirement of requirements) {
        const refused = refusedOf(verdicts.get(requirement));
        if (refused) return `${node}: ${refused.refusal.sentence}`;
        if (this.#patience.isOver(node) && isSlowCheck(verdicts.get(requirement))) return `${node}: ${LATE.sentence}`;
      }
    }
    return undefined;
  }

  /** A sentence for each tree and each compiler that the node is refused for. */
  refusals(node: string): string[] {
    return refusalsOf(this.of(node)).map(({ refusal }) => refusal.sentence);
  }

  /** True if the node sees none of the trees that builds used. */
  isStranger(node: string): boolean {
    const trees = [...(this.of(node)?.verdicts ?? [])].filter(([requirement]) => requirement.kind === 'tree');
    return trees.length > 0 && trees.every(([, verdict]) => refusedOf(verdict) !== undefined);
  }

  /** True if the node is being checked for the first time, slowly, and jobs may wait for the outcome. */
  isSlow(node: string): boolean {
    if (this.#patience.isOver(node)) return false;
    const verdicts = [...(this.of(node)?.verdicts.values() ?? [])];
    return verdicts.some((verdict) => verdict.kind === 'checking' && verdict.isSlow && !verdict.after);
  }

  close(): void {
    this.#patience.close();
  }
}
