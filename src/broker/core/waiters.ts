/**
 * Who has requests in the leader's queue, counted. Unaware of their order and of slots.
 */
import type { Waiter } from './messages.ts';

interface Line {
  readonly waiter: Waiter;
  requests: number;
}

export class Waiters {
  readonly #lines = new Map<string, Line>();
  readonly #byNode = new Map<string, number>();
  #requests = 0;

  /** Requests of all of them. */
  get requests(): number {
    return this.#requests;
  }

  /** Requests of one node's broker, whatever users they are for. */
  requestsOf(nodeId: string): number {
    return this.#byNode.get(nodeId) ?? 0;
  }

  /** Some of them, at most so many. */
  some(most: number): Waiter[] {
    const waiters: Waiter[] = [];
    for (const { waiter } of this.#lines.values()) {
      if (waiters.length >= most) break;
      waiters.push(waiter);
    }
    return waiters;
  }

  /** One request more. */
  add({ nodeId, user }: Waiter): void {
    const key = `${nodeId}/${user}`;
    const line = this.#lines.get(key) ?? { waiter: { nodeId, user }, requests: 0 };
    line.requests++;
    this.#lines.set(key, line);
    this.#byNode.set(nodeId, this.requestsOf(nodeId) + 1);
    this.#requests++;
  }

  /** One of its requests less; it must have one. */
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
