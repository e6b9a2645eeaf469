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
  #requests = 0;

  /** Requests of all of them. */
  get requests(): number {
    return this.#requests;
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
    this.#requests++;
  }

  /** One of its requests less; it must have one. */
  remove({ nodeId, user }: Waiter): void {
    const key = `${nodeId}/${user}`;
    const line = this.#lines.get(key);
    if (line === undefined) throw new RangeError(`no request of ${user} on ${nodeId} waits`);
    line.requests--;
    if (line.requests === 0) this.#lines.delete(key);
    this.#requests--;
  }
}
