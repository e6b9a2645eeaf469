/**
 * A row at the bottom of the terminal that other programs' output does not touch: the rest of the screen becomes the
 * scrolling region (DECSTBM), so make and the compilers continue to print above the row, wherever their cursor is.
 * Pure: only the escape sequences, from ECMA-48 and the VT100 manual; xterm, VTE, tmux, screen and the Linux console
 * support them.
 *
 * Each string must reach the terminal in one write(2), which the kernel does not interleave with other writers'.
 */

const SAVE_CURSOR = '\x1b7';
const RESTORE_CURSOR = '\x1b8';
const ERASE_LINE = '\x1b[2K';
const PLAIN = '\x1b[0m';
/** Moves the cursor down and up again in the same column: on the last row, this scrolls once and leaves that row. */
const LEAVE_LAST_ROW = '\x1bD\x1b[A';
/** On a terminal with fewer rows, each one is worth more as text. */
export const MIN_ROWS = 5;

/** Reserves the last of `rows` rows, with the cursor where it was in the text. */
export function reserveRow(rows: number): string {
  return `${LEAVE_LAST_ROW}${SAVE_CURSOR}\x1b[1;${rows - 1}r${RESTORE_CURSOR}`;
}

/** Replaces the text of the row. */
export function fillRow(rows: number, text: string): string {
  return `${SAVE_CURSOR}\x1b[${rows};1H${PLAIN}${ERASE_LINE}${text}${RESTORE_CURSOR}`;
}

/** Clears the row and ends the scrolling region. */
export function releaseRow(rows: number): string {
  return `${SAVE_CURSOR}\x1b[r\x1b[${rows};1H${PLAIN}${ERASE_LINE}${RESTORE_CURSOR}`;
}
