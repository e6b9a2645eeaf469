/**
 * Detects that a worker is on its way to this node. Between its login and its first message a worker is not recognised
 * as ours, and on a small node that takes longer than a load spike is tolerated. Pure. Unaware of what is judged in the
 * meantime.
 */

/** Time for login, shell and Node's start on a slow node. Load after that is foreign. */
export const ARRIVAL_LIMIT_MS = 30_000;

/** Tracks the arrival of workers across load samples. */
export class ArrivalWatch {
  #sinceMs: number | undefined;
  #lastMs = -Infinity;
  #isArriving = false;

  /**
   * Takes the state at each load sample; true if a worker was arriving during part of the sample's interval. A worker
   * is arriving while slots are leased and no worker has registered, for at most ARRIVAL_LIMIT_MS. Leases that come and
   * go during that time count as one arrival.
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
