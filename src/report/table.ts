/** Tables of text, aligned for a terminal. Pure; without colour, so that piped output is the same. */

/** Rows under a heading, without trailing blanks. The columns named in `right` are right-aligned. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: ReadonlySet<string> = new Set(),
): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  return [head, ...rows]
    .map((row) =>
      head
        .map((title, column) => {
          const cell = row[column] ?? '';
          const width = widths[column] ?? 0;
          return right.has(title) ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}
