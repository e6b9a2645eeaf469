/**
 * Map of bounded size. When it is full, it evicts the entry whose last `set` was the longest ago; `get` moves nothing.
 * Pure.
 */
/** Map with at most a given number of entries. */
export class LruMap<K, V> extends Map<K, V> {
  readonly #max: number;

  /** @param max - entries that the map holds at most */
  constructor(max: number) {
    super();
    this.#max = max;
  }

  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    const oldest = this.keys().next();
    if (this.size > this.#max && !oldest.done) this.delete(oldest.value);
    return this;
  }
}
