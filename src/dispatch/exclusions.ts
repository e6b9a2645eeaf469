/**
 * The one vocabulary for "not this node": why a job must not have a node now. Pure; unaware of jobs and of how a node
 * came to be excluded.
 */

/**
 * `failed-job`: the node failed this job. `left-out-of-build`: it was of no use to several jobs of the build.
 * `not-admitted`: a check found that it lacks what the job needs. `being-checked`: the check is slow; the node is likely
 * to be usable soon, so a job may wait for it, and a broker need not be told.
 */
export type Exclusion = 'failed-job' | 'left-out-of-build' | 'not-admitted' | 'being-checked';

/** Excluded nodes by name. A node that is not in here may be used. */
export type Exclusions = ReadonlyMap<string, Exclusion>;

/** Every node may be used. */
export const NO_EXCLUSIONS: Exclusions = new Map();

/**
 * Merges exclusions. If several exclude a node, the last takes precedence. If only one is not empty, it is returned
 * unchanged.
 */
export function mergeExclusions(...all: readonly Exclusions[]): Exclusions {
  const filled = all.filter(({ size }) => size > 0);
  if (filled.length <= 1) return filled[0] ?? NO_EXCLUSIONS;
  return new Map(filled.flatMap((one) => [...one]));
}

/** The same reason for each of `nodes`. */
export function excludeAll(nodes: ReadonlySet<string>, reason: Exclusion): Exclusions {
  return nodes.size === 0 ? NO_EXCLUSIONS : new Map([...nodes].map((node) => [node, reason]));
}

/** Whether both exclude the same nodes for the same reasons. */
export function areSameExclusions(one: Exclusions, other: Exclusions): boolean {
  return one.size === other.size && [...one].every(([node, reason]) => other.get(node) === reason);
}

/** Nodes that cannot become usable by waiting. */
export function lastingExclusions(exclusions: Exclusions): ReadonlySet<string> {
  const nodes = new Set<string>();
  for (const [node, reason] of exclusions) if (reason !== 'being-checked') nodes.add(node);
  return nodes;
}
