/**
 * Queue of requests waiting for a slot, fair between users. The user with the fewest slots is served next; among
 * equals, the one served least recently. Requests of one user are served in order of arrival. Unaware of nodes.
 */

interface UserLine<T> {
  readonly user: string;
  /** May contain items that have already left the queue; they are skipped. */
  items: T[];
  head: number;
  /** The serving count at which this user was last served. */
  servedAt: number;
}

/** Fair queue of items that belong to users. */
export class FairQueue<T> {
  readonly #lines = new Map<string, UserLine<T>>();
  readonly #isWaiting: (item: T) => boolean;
  #servings = 0;

  /** @param isWaiting - false for an item that was cancelled or answered; such items need not be removed */
  constructor(isWaiting: (item: T) => boolean) {
    this.#isWaiting = isWaiting;
  }

  push(user: string, item: T): void {
    const line = this.#line(user);
    // Skip here as well, or requests that arrive and give up while nothing is free would pile up.
    this.#skipGone(line);
    line.items.push(item);
  }

  /** Returns an item to the front of its user's line, because it was served without a result. */
  pushFront(user: string, item: T): void {
    const line = this.#line(user);
    if (line.head > 0) line.items[--line.head] = item;
    else line.items.unshift(item);
  }

  /**
   * Offers waiting items to `serve` in order until it accepts one, and removes that one; false if it accepted none.
   * @param slotsOf - the slots a user has now
   * @param lookahead - items tried per user, because the first may be waiting for a particular node
   */
  serveOne(slotsOf: (user: string) => number, lookahead: number, serve: (item: T) => boolean): boolean {
    const lines = [...this.#lines.values()];
    const order = lines.map((line) => ({ line, slots: slotsOf(line.user) }));
    order.sort((a, b) => a.slots - b.slots || a.line.servedAt - b.line.servedAt);
    for (const { line } of order) {
      if (!this.#serveLine(line, lookahead, serve)) continue;
      line.servedAt = ++this.#servings;
      return true;
    }
    return false;
  }

  #serveLine(line: UserLine<T>, lookahead: number, serve: (item: T) => boolean): boolean {
    this.#skipGone(line);
    let tried = 0;
    for (let at = line.head; at < line.items.length && tried < lookahead; at++) {
      const item = line.items[at];
      if (item === undefined || !this.#isWaiting(item)) continue;
      tried++;
      if (!serve(item)) continue;
      if (at === line.head) line.head++;
      else line.items.splice(at, 1);
      return true;
    }
    if (line.head === line.items.length) this.#lines.delete(line.user);
    return false;
  }

  #skipGone(line: UserLine<T>): void {
    for (let item = line.items[line.head]; item !== undefined; item = line.items[line.head]) {
      if (this.#isWaiting(item)) break;
      line.head++;
    }
    // Copying the rest now and then bounds the array and keeps the amortised cost per item constant.
    if (line.head > 64 && line.head * 2 > line.items.length) {
      line.items = line.items.slice(line.head);
      line.head = 0;
    }
  }

  #line(user: string): UserLine<T> {
    const line = this.#lines.get(user) ?? { user, items: [], head: 0, servedAt: this.#servings };
    this.#lines.set(user, line);
    return line;
  }
}
