/**
 * Puts an entry last in a map that forgets: the first is then the one that was put longest ago, and goes when there are
 * more than `max`. Pure.
 */
export function putLast<K, V>(map: Map<K, V>, key: K, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > max && !oldest.done) map.delete(oldest.value);
}
