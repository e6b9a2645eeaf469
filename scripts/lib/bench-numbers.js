/** Summaries of many measurements of one quantity. Pure. */

/** The measurement that was disturbed least. @param {readonly number[]} values */
export function fastest(values) {
  return Math.min(...values);
}

/** The median; for an even number of values, the greater of the middle two. @param {readonly number[]} values */
export function middle(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
