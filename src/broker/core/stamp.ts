/**
 * Timestamps that travel in 32 bits to another host and come back unchanged. With them a client knows that a lease was
 * granted after a certain time on its own clock, however long the answer took. Unaware of messages.
 */
/** Makes and reads stamps relative to its own start. */
export class Stamps {
  readonly #startMs: number;

  constructor(nowMs: number) {
    this.#startMs = nowMs;
  }

  /** Milliseconds since the start, rounded down, modulo 2^32. */
  make(nowMs: number): number {
    return Math.floor(nowMs - this.#startMs) >>> 0;
  }

  /** The time of a stamp made at most 49 days before `nowMs`, rounded down. */
  momentMs(stamp: number, nowMs: number): number {
    const agoMs = (this.make(nowMs) - stamp) >>> 0;
    return this.#startMs + Math.floor(nowMs - this.#startMs) - agoMs;
  }
}
