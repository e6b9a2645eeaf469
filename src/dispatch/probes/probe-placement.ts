/**
 * Placement of option probes (compiles of nothing, by which kbuild asks what the compiler supports). A shell waits for
 * each of them, so they run on the side that has taken less time: on this host if it has time to spare, and on a node
 * if this host is behind with make's own work. Pure: learns from what it is told.
 */

/** Where a probe runs: on this host or on a node. */
export type Side = 'local' | 'remote';

/** Measurements of each side before they are compared. */
const FIRST_LOOKS = 2;
/** One in this many probes goes to the other side, because either may have changed. */
const LOOK_AGAIN_EVERY = 16;
/** An answer from a node spares all later builds the question, which is worth this multiple of the local time. */
const LEARNING_WORTH = 4;
/** Weight of the newest time in the moving mean. */
const NEWEST_SHARE = 0.25;

interface SideTimes {
  times: number;
  meanMs: number;
}

/** Mean times of both sides. */
export class ProbePlacement {
  readonly #seen: Readonly<Record<Side, SideTimes>> = {
    local: { times: 0, meanMs: 0 },
    remote: { times: 0, meanMs: 0 },
  };
  #asked = 0;

  /**
   * The side on which the next probe should run. The caller may use the other, and says which in `note`.
   * @param isLearned true if an answer from a node is cached, so that it need not be asked again
   */
  next(isLearned: boolean): Side {
    this.#asked += 1;
    const { local, remote } = this.#seen;
    if (local.times < FIRST_LOOKS) return 'local';
    if (remote.times < FIRST_LOOKS) return 'remote';
    const isWorth = remote.meanMs < (isLearned ? LEARNING_WORTH : 1) * local.meanMs;
    const better: Side = isWorth ? 'remote' : 'local';
    if (this.#asked % LOOK_AGAIN_EVERY !== 0) return better;
    return better === 'local' ? 'remote' : 'local';
  }

  /**
   * Records a probe.
   * @param tookMs from its arrival to its end, retries included
   */
  note(side: Side, tookMs: number): void {
    const seen = this.#seen[side];
    seen.times += 1;
    seen.meanMs = seen.times === 1 ? tookMs : seen.meanMs + NEWEST_SHARE * (tookMs - seen.meanMs);
  }
}
