/**
 * Text that holds what another machine, user or file said, made safe to show. A terminal obeys escape sequences and
 * moves text about by direction marks; here they appear as they are written in source code. Pure, and linear in the text.
 */

/** C0 and C1 controls but for tab and newline, DEL, and marks that hide, break or turn text round (Trojan Source). */
const UNSAFE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
/** A name or a sentence within a line: it must not begin another. */
const UNSAFE_IN_LINE = new RegExp(`[\\n\\t]|${UNSAFE.source}`, 'g');

/** Every control character but tab and newline as `\u001b`. Also what JSON takes for the same string. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** Newlines and tabs as well, and no more than `limit` characters of it. */
export function printableLine(text: string, limit = Infinity): string {
  const shown = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return shown.replace(UNSAFE_IN_LINE, escapeCharacter);
}

/** As source code has it. @param character one of 16 bits */
export function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
