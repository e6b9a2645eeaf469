/**
 * Needs of jobs, derived from the list, the build's scope and the verdicts on nodes. Jobs with equal needs share one
 * object until nodes change, so that the scheduler and its sources can cache by identity. Pure; unaware of slots.
 */
import type { BuildScope } from '../builds/scope.ts';
import { excludeAll, mergeExclusions, NO_EXCLUSIONS, type Exclusions } from '../exclusions.ts';
import type { JobNeeds } from '../slot-source.ts';

/** Jobs with the same requirements of a node, see Admission. */
export interface AdmissionNeed {
  readonly exclusions: Exclusions;
}

/** What determines the needs of a job. */
export interface NeedsInput {
  readonly scope: BuildScope;
  /** Listed nodes that the job may use. */
  readonly names: ReadonlySet<string>;
  readonly mayLease: boolean;
  readonly need: AdmissionNeed | undefined;
}

interface Shared extends JobNeeds {
  /** Number of nodes that were left out of the build at that time. */
  readonly leftOut: number;
}

/** Shares needs among jobs. */
export class SharedNeeds {
  #shared = new WeakMap<BuildScope, Map<AdmissionNeed | undefined, Shared>>();

  /** @param failed nodes that failed the job itself */
  of(input: NeedsInput, failed: ReadonlySet<string>): JobNeeds {
    const shared = this.#share(input);
    if (failed.size === 0) return shared;
    return { ...shared, exclusions: mergeExclusions(shared.exclusions, excludeAll(failed, 'failed-job')) };
  }

  /** Nodes came or went, or exclusions changed. */
  nodesChanged(): void {
    this.#shared = new WeakMap();
  }

  #share({ scope, names, mayLease, need }: NeedsInput): Shared {
    const byNeed = this.#shared.get(scope) ?? new Map<AdmissionNeed | undefined, Shared>();
    this.#shared.set(scope, byNeed);
    const { leftOut } = scope;
    const known = byNeed.get(need);
    const isStill = known?.listed === names && known.mayLease === mayLease && known.leftOut === leftOut.size;
    if (known && isStill) return known;
    const exclusions = mergeExclusions(need?.exclusions ?? NO_EXCLUSIONS, excludeAll(leftOut, 'left-out-of-build'));
    const shared: Shared = { listed: names, mayLease, exclusions, leftOut: leftOut.size };
    byNeed.set(need, shared);
    return shared;
  }
}
