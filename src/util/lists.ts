/** Splits lists by key or by length. The pieces are never empty, which their type expresses. */

/** A list with at least one item. */
export type NonEmpty<T> = readonly [T, ...T[]];

/** Groups items by key. Keys are in order of first occurrence, and items keep their order. */
export function groupBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, NonEmpty<T>> {
  const groups = new Map<K, [T, ...T[]]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/**
 * Splits a list into chunks.
 * @param length - of each chunk; the last one may be shorter
 */
export function chunk<T>(items: readonly T[], length: number): NonEmpty<T>[] {
  const chunks: NonEmpty<T>[] = [];
  for (let i = 0; i < items.length; i += length) {
    const part = items.slice(i, i + length);
    if (isNonEmpty(part)) chunks.push(part);
  }
  return chunks;
}

function isNonEmpty<T>(items: readonly T[]): items is NonEmpty<T> {
  return items.length > 0;
}
