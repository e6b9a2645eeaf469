/**
 * How fast a node proved to be for the hosts that built on it, beside its standard compile. Each host has one voice, and
 * as many more say that the standard compile is right: a host alone moves the speed little, however often it speaks.
 * Unaware of how speeds travel.
 */
import { putLast } from '../util/put-last.ts';

/** Hosts that are remembered; the one unheard for longest is forgotten first. */
const MAX_HOSTS = 64;
/** Voices of the standard compile. */
const STANDARD_VOICES = 3;
/** A voice says no more than this many times the standard compile's speed, or this part of it. */
const LEARN_MOST = 4;

export class LearnedSpeed {
  readonly #voices = new Map<string, number>();

  /** @param speed - as `host` found it */
  note(host: string, speed: number): void {
    putLast(this.#voices, host, speed, MAX_HOSTS);
  }

  /** What to multiply the standard compile's speed by. @param standard - that speed */
  factor(standard: number): number {
    let sum = 0;
    for (const speed of this.#voices.values()) {
      sum += Math.log(Math.min(LEARN_MOST, Math.max(1 / LEARN_MOST, speed / standard)));
    }
    return Math.exp(sum / (this.#voices.size + STANDARD_VOICES));
  }
}
