/**
 * Is a worker on its way here? From the login to its first word it is not known for one of ours, and on a small node that
 * takes longer than load may last before it counts. Pure. Unaware of what is judged meanwhile.
 */

/** Login, shell and Node's start on a slow node. Past this, whatever uses the machine is somebody's work. */
export const ARRIVAL_LIMIT_MS = 30_000;

export class ArrivalWatch {
  #sinceMs: number | undefined;
  #lastMs = -Infinity;
  #isArriving = false;

  /**
   * Called with each sample of the load: true when a worker was on its way in a part of its time. That is while slots are
   * leased and no worker has said that it is here, for ARRIVAL_LIMIT_MS at most; leases that come and go are one arrival.
   */
  observe(leased: number, workers: number, nowMs: number): boolean {
    const wasArriving = this.#isArriving;
    this.#isArriving = this.#isOnItsWay(leased, workers, nowMs);
    return wasArriving || this.#isArriving;
  }

  #isOnItsWay(leased: number, workers: number, nowMs: number): boolean {
    if (workers > 0) this.#sinceMs = undefined;
    if (workers > 0 || leased === 0) return false;
    if (nowMs - this.#lastMs > ARRIVAL_LIMIT_MS) this.#sinceMs = undefined;
    this.#lastMs = nowMs;
    this.#sinceMs ??= nowMs;
    return nowMs - this.#sinceMs < ARRIVAL_LIMIT_MS;
  }
}
