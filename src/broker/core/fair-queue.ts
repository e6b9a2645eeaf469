/**
 * Requests waiting for a slot, fair between users: whoever has the fewest slots is served next, and of those who have
 * equally many the one served longest ago; one user's requests are served first come first served.
 * Unaware of nodes.
 */

interface Line<T> {
  readonly user: string;
  /** May hold items that left the queue otherwise; they are skipped. */
  items: T[];
  head: number;
  /** When this user was served last, counted in servings. */
  servedAt: number;
}

export class FairQueue<T> {
  readonly #lines = new Map<string, Line<T>>();
  readonly #isWaiting: (item: T) => boolean;
  #servings = 0;

  /** @param isWaiting - false for an item that was cancelled or answered otherwise: it need not be taken out */
  constructor(isWaiting: (item: T) => boolean) {
    this.#isWaiting = isWaiting;
  }

  push(user: string, item: T): void {
    const line = this.#line(user);
    // Here too, or requests that come and give up while nothing is free would pile up.
    this.#skipGone(line);
    line.items.push(item);
  }

  /** Back to the front: it was served, but came to nothing. */
  pushFront(user: string, item: T): void {
    const line = this.#line(user);
    if (line.head > 0) line.items[--line.head] = item;
    else line.items.unshift(item);
  }

  /**
   * Offers waiting items to `serve` in order until one is served, and takes that out; false when none was.
   * @param slotsOf - slots the user has now
   * @param lookahead - items tried per user: the first may be waiting for something particular
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

  #serveLine(line: Line<T>, lookahead: number, serve: (item: T) => boolean): boolean {
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

  #skipGone(line: Line<T>): void {
    for (let item = line.items[line.head]; item !== undefined; item = line.items[line.head]) {
      if (this.#isWaiting(item)) break;
      line.head++;
    }
    // Copying half of it now and then keeps both the array and the cost per item small.
    if (line.head > 64 && line.head * 2 > line.items.length) {
      line.items = line.items.slice(line.head);
      line.head = 0;
    }
  }

  #line(user: string): Line<T> {
    const line = this.#lines.get(user) ?? { user, items: [], head: 0, servedAt: this.#servings };
    this.#lines.set(user, line);
    return line;
  }
}
