/** Set operations that Node 20 lacks. Pure. */

/** True if both sets have the same elements. */
export function isSameSet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((member) => other.has(member));
}
