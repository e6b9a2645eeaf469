/**
 * Choice of the node that gets the next job. Unaware of leases and of where the figures come from.
 */

/** The figures that ranking needs. */
export interface Ranked {
  /** Slots that are unused and have no offer in flight. */
  readonly freeSlots: number;
  /** Relative to a node of speed 1; a job takes 1/speed of its time on this node. */
  readonly speed: number;
}

/** Free slots times speed, so a fast node fills up first and then shares with slower ones. */
export function score(node: Ranked): number {
  return node.freeSlots * node.speed;
}

/**
 * The best of `nodes` that has a free slot and is `wanted`; undefined if none exists. Ties are broken at random;
 * otherwise all leaders and dispatchers would pick the same node.
 * @param random - uniform in [0, 1)
 */
export function pickBest<T extends Ranked>(
  nodes: Iterable<T>,
  wanted: (node: T) => boolean,
  random: () => number,
): T | undefined {
  let best: T | undefined;
  let bestScore = 0;
  let ties = 0;
  for (const node of nodes) {
    if (node.freeSlots <= 0) continue;
    const its = score(node);
    if (best !== undefined && its < bestScore) continue;
    if (!wanted(node)) continue;
    if (best === undefined || its > bestScore) {
      best = node;
      bestScore = its;
      ties = 1;
    } else {
      // Reservoir sampling: the n-th of n equals replaces the current choice with probability 1/n.
      ties++;
      if (random() * ties < 1) best = node;
    }
  }
  return best;
}
