/**
 * Speed correction learned from the hosts that built on this node, relative to its standard compile. Each host has one
 * vote, and the standard compile has several: a single host changes the speed only a little, however often it reports.
 * Unaware of how speeds are transmitted.
 */
import { LruMap } from '../util/lru-map.ts';

/** Hosts remembered; the one silent for longest is evicted first. */
const MAX_HOSTS = 64;
/** Votes of the standard compile. */
const STANDARD_VOICES = 3;
/** A vote is limited to this many times the standard compile's speed, and to its reciprocal. */
const LEARN_MOST = 4;

/** Collects the votes of other hosts. */
export class LearnedSpeed {
  readonly #voices = new LruMap<string, number>(MAX_HOSTS);

  /** @param speed - as measured by `host` */
  note(host: string, speed: number): void {
    this.#voices.set(host, speed);
  }

  /**
   * The factor to apply to the standard compile's speed.
   * @param standard - that speed
   */
  factor(standard: number): number {
    let sum = 0;
    for (const speed of this.#voices.values()) {
      sum += Math.log(Math.min(LEARN_MOST, Math.max(1 / LEARN_MOST, speed / standard)));
    }
    return Math.exp(sum / (this.#voices.size + STANDARD_VOICES));
  }
}
