/** What stands for many measurements of one thing. Pure. */

/** The one that was disturbed least. @param {readonly number[]} values */
export function fastest(values) {
  return Math.min(...values);
}

/** Of an even number of them the greater of the two. @param {readonly number[]} values */
export function middle(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
