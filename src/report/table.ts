/** Columns of text, aligned for a terminal. Pure; no colour, so that what is piped is what is read. */

/** Rows under a head; columns named in `right` hold numbers. No trailing blanks. */
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
