/** Checks of fields of decoded JSON that another machine sent. Unaware of what the fields mean. */

/** In one field; a compiler says two KB of itself. */
const MAX_TEXT_CHARACTERS = 64 * 1024;

export type Fields = Readonly<Record<string, unknown>>;

export function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string' && value.length <= MAX_TEXT_CHARACTERS);
}

/** Finite ones: JSON can say 1e999, and what is made of it could not be said again. */
export function areNumbers(...values: readonly unknown[]): boolean {
  return values.every(Number.isFinite);
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** A list of at most `limit`, each of which is as `isOne` says. */
export function isListOf(value: unknown, limit: number, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= limit && (value as unknown[]).every(isOne);
}
