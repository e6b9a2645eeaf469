/**
 * Time of a build in which leases waited for nodes that did not come up. Only so much of it is spent on counting slots
 * that may never come: a holder of the cluster's key could grant leases on ever new nodes that stall, next to one that
 * works. Pure.
 */

const LIMIT_MS = 10_000;

/** The time spent in a build. Times are those of performance.now(). */
export class ConnectingTime {
  #spentMs = 0;
  /** Since when a lease has been connecting; undefined while none is. */
  #sinceMs: number | undefined;

  /** A build begins. */
  renew(nowMs: number): void {
    this.#spentMs = 0;
    if (this.#sinceMs !== undefined) this.#sinceMs = nowMs;
  }

  /** @param isConnecting true if any lease waits for its node from now on */
  note(isConnecting: boolean, nowMs: number): void {
    this.#spentMs = this.#spentAt(nowMs);
    this.#sinceMs = isConnecting ? nowMs : undefined;
  }

  /** A node came up for which a lease had waited for so long: that was time well spent. */
  giveBack(ms: number, nowMs: number): void {
    this.#spentMs = Math.max(0, this.#spentAt(nowMs) - ms);
    if (this.#sinceMs !== undefined) this.#sinceMs = nowMs;
  }

  /** True once leases that are connecting no longer count. To the millisecond, because sums of times are not exact. */
  isSpent(nowMs: number): boolean {
    return this.#spentAt(nowMs) > LIMIT_MS - 1;
  }

  /** When that will be if nothing happens; Infinity if it is so already, or nothing is connecting. */
  spentAtMs(nowMs: number): number {
    return this.#sinceMs === undefined || this.isSpent(nowMs) ? Infinity : this.#sinceMs + LIMIT_MS - this.#spentMs;
  }

  #spentAt(nowMs: number): number {
    return this.#spentMs + (this.#sinceMs === undefined ? 0 : nowMs - this.#sinceMs);
  }
}
