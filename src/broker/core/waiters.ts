/**
 * Number of requests in the leader's queue, by host and user. Unaware of their order and of slots.
 */
import type { Waiter } from './messages.ts';

interface WaiterLine {
  readonly waiter: Waiter;
  requests: number;
}

/** Counts waiting requests. */
export class Waiters {
  readonly #lines = new Map<string, WaiterLine>();
  readonly #byNode = new Map<string, number>();
  #requests = 0;

  /** Number of requests of all waiters. */
  get requests(): number {
    return this.#requests;
  }

  /** Number of requests of one node's broker, for all its users. */
  requestsOf(nodeId: string): number {
    return this.#byNode.get(nodeId) ?? 0;
  }

  /** Up to `most` of the waiters, in no particular order. */
  some(most: number): Waiter[] {
    const waiters: Waiter[] = [];
    for (const { waiter } of this.#lines.values()) {
      if (waiters.length >= most) break;
      waiters.push(waiter);
    }
    return waiters;
  }

  /** Counts one more request. */
  add({ nodeId, user }: Waiter): void {
    const key = `${nodeId}/${user}`;
    const line = this.#lines.get(key) ?? { waiter: { nodeId, user }, requests: 0 };
    line.requests++;
    this.#lines.set(key, line);
    this.#byNode.set(nodeId, this.requestsOf(nodeId) + 1);
    this.#requests++;
  }

  /**
   * Counts one request less.
   * @throws RangeError if the waiter has none
   */
  remove({ nodeId, user }: Waiter): void {
    const key = `${nodeId}/${user}`;
    const line = this.#lines.get(key);
    if (line === undefined) throw new RangeError(`no request of ${user} on ${nodeId} waits`);
    line.requests--;
    if (line.requests === 0) this.#lines.delete(key);
    const left = this.requestsOf(nodeId) - 1;
    if (left > 0) this.#byNode.set(nodeId, left);
    else this.#byNode.delete(nodeId);
    this.#requests--;
  }
}
