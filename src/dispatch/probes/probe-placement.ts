/**
 * Where trials run (compiles of nothing, by which kbuild asks what the compiler takes): each of them holds its shell up, so
 * where they have taken less time. That is here on a host with time to spare, and on a node where this one is behind with
 * make's own work. Pure: learns from what it is told.
 */

export type Side = 'here' | 'there';

/** Each side is seen so often before they are compared. */
const FIRST_LOOKS = 2;
/** One in so many goes to the other side: either may have changed since. */
const LOOK_AGAIN_EVERY = 16;
/** What is learned there spares all later builds the question, and is worth so many times of what it takes here. */
const LEARNING_WORTH = 4;
/** Of the newest time, in the mean that is kept. */
const NEWEST_SHARE = 0.25;

interface Seen {
  times: number;
  meanMs: number;
}

export class TrialChoice {
  readonly #seen: Readonly<Record<Side, Seen>> = { here: { times: 0, meanMs: 0 }, there: { times: 0, meanMs: 0 } };
  #asked = 0;

  /**
   * The side that the next one should run on. Whoever asked may take the other, and says which in `note`.
   * @param isLearned its answer is kept where it comes from a node, so that it need not be asked again
   */
  next(isLearned: boolean): Side {
    this.#asked += 1;
    const { here, there } = this.#seen;
    if (here.times < FIRST_LOOKS) return 'here';
    if (there.times < FIRST_LOOKS) return 'there';
    const isWorth = there.meanMs < (isLearned ? LEARNING_WORTH : 1) * here.meanMs;
    const better: Side = isWorth ? 'there' : 'here';
    if (this.#asked % LOOK_AGAIN_EVERY !== 0) return better;
    return better === 'here' ? 'there' : 'here';
  }

  /** @param tookMs from its arrival to its end, retries included */
  note(side: Side, tookMs: number): void {
    const seen = this.#seen[side];
    seen.times += 1;
    seen.meanMs = seen.times === 1 ? tookMs : seen.meanMs + NEWEST_SHARE * (tookMs - seen.meanMs);
  }
}
