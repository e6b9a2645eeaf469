/**
 * Makes text from another machine, user or file safe to display. Terminals obey escape sequences, and direction marks
 * rearrange text; both are shown as source code escapes. Pure, and linear in the length of the text.
 */

/** C0 and C1 controls except tab and newline, DEL, and characters that hide, break or reorder text (Trojan Source). */
const UNSAFE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
/** For a name or sentence inside a line, which must not start another line. */
const UNSAFE_IN_LINE = new RegExp(`[\\n\\t]|${UNSAFE.source}`, 'g');

/**
 * Escapes every control character except tab and newline as `\u001b`. JSON parses such an escape to the same string.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** Also escapes newlines and tabs, and truncates the text to `limit` characters. */
export function printableLine(text: string, limit = Infinity): string {
  const shown = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return shown.replace(UNSAFE_IN_LINE, escapeCharacter);
}

/**
 * The escape used in source code.
 * @param character - a single UTF-16 code unit
 */
export function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
