/**
 * Which of several nodes is given the next job. Unaware of where the figures come from and of leases.
 */

/** What ranking looks at. */
export interface Ranked {
  /** Slots that nobody uses and that nothing is on its way to. */
  readonly freeSlots: number;
  /** Relative to a node of speed 1; a job takes 1/speed of its time there. */
  readonly speed: number;
}

/** Free slots times speed, so a fast node fills up first and then shares with the slower ones. */
export function score(node: Ranked): number {
  return node.freeSlots * node.speed;
}

/**
 * The best of `nodes` that has a free slot and is `wanted`; undefined when there is none.
 * Ties are broken at random, or every leader and every dispatcher would rush at the same node.
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
      // The n-th of equals replaces the one held with chance 1/n: each is as likely as the other, in one pass.
      ties++;
      if (random() * ties < 1) best = node;
    }
  }
  return best;
}
