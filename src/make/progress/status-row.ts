/**
 * A row at the bottom of the terminal that other programs' output cannot meet: the rest of the screen is made the
 * scrolling region (DECSTBM), so make and the compilers go on printing above it, wherever their cursor stands.
 * Pure: the escape sequences only. ECMA-48 and the VT100 manual; xterm, VTE, tmux, screen and the Linux console know them.
 *
 * Each string must reach the terminal by one write(2), which the kernel does not interleave with other writers'.
 */

const SAVE_CURSOR = '\x1b7';
const RESTORE_CURSOR = '\x1b8';
const ERASE_LINE = '\x1b[2K';
const PLAIN = '\x1b[0m';
/** Down and up again in the same column: on the last row this scrolls once, and the cursor is off it. */
const LEAVE_LAST_ROW = '\x1bD\x1b[A';
/** Fewer, and a row is worth more to the user's text. */
export const MIN_ROWS = 5;

/** Reserves the last of `rows` rows, with the cursor where it was in the text. */
export function reserveRow(rows: number): string {
  return `${LEAVE_LAST_ROW}${SAVE_CURSOR}\x1b[1;${rows - 1}r${RESTORE_CURSOR}`;
}

export function fillRow(rows: number, text: string): string {
  return `${SAVE_CURSOR}\x1b[${rows};1H${PLAIN}${ERASE_LINE}${text}${RESTORE_CURSOR}`;
}

/** Empties the row and gives it back. */
export function releaseRow(rows: number): string {
  return `${SAVE_CURSOR}\x1b[r\x1b[${rows};1H${PLAIN}${ERASE_LINE}${RESTORE_CURSOR}`;
}
