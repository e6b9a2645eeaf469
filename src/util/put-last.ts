/**
 * Sets an entry of an LRU map and moves it to the end. If the map has more than `max` entries, the least recently set
 * one is evicted. Pure.
 */
export function putLast<K, V>(map: Map<K, V>, key: K, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > max && !oldest.done) map.delete(oldest.value);
}
