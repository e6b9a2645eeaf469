/** Checks for values of config.json: tables of checks, and descriptions of mistakes. Unaware of the actual settings. */
import { fail, ok, type Result } from '../util/result.ts';
import { nearest } from './nearest.ts';

/** A mistake inside one file. */
export interface SchemaProblem {
  readonly kind: 'unknown-key' | 'wrong-value' | 'bad-node' | 'duplicate-node';
  /** Path of the key inside the file (`nodes[1].slots`), or the word in PMAKE_NODES; empty for the file as a whole. */
  readonly key: string;
  /** What was expected, as a noun phrase. */
  readonly expected: string;
  /** What was found. */
  readonly found: string;
}

/** Checks one value; the failure describes the mistake. */
export type Check<T> = (value: unknown, key: string) => Result<T, SchemaProblem>;
/** A check for each setting of an object. Other keys are mistakes. */
export type Table<T> = { readonly [Key in keyof T]-?: Check<NonNullable<T[Key]>> };

/** Checks an object against a table. */
export function checkObject<T extends object>(
  value: unknown,
  key: string,
  table: Table<T>,
): Result<Partial<T>, SchemaProblem> {
  if (!isObject(value)) return fail(wrong(key, 'an object, { ... }', value));
  const checked: Partial<T> = {};
  const names = Object.keys(table);
  for (const [name, entry] of Object.entries(value)) {
    const path = key === '' ? name : `${key}.${name}`;
    if (!Object.hasOwn(table, name)) return fail(unknownKey(path, name, names));
    const result = table[name as keyof T](entry, path);
    if (!result.ok) return result;
    checked[name as keyof T] = result.value;
  }
  return ok(checked);
}

/**
 * A check from a type guard.
 * @param expected - a noun phrase
 */
export function checkThat<T>(holds: (value: unknown) => value is T, expected: string): Check<T> {
  return (value, key) => (holds(value) ? ok(value) : fail(wrong(key, expected, value)));
}

/** An absolute path without NUL and newline. */
export const absolutePath = checkThat(
  (value): value is string => typeof value === 'string' && value.startsWith('/') && !/[\0\n]/.test(value),
  'an absolute path',
);

const SHOWN_CHARACTERS = 60;

/** Describes a value of the wrong type or range. */
export function wrong(key: string, expected: string, value: unknown): SchemaProblem {
  const json = value === undefined ? 'missing' : jsonOf(value);
  const found = json.length > SHOWN_CHARACTERS ? `${json.slice(0, SHOWN_CHARACTERS)}...` : json;
  return { kind: 'wrong-value', key, expected, found };
}

/** JSON.parse accepts deeper nesting than JSON.stringify. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'lists nested too deeply';
  }
}

function unknownKey(key: string, name: string, names: readonly string[]): SchemaProblem {
  const similar = nearest(name, names);
  const expected = similar === undefined ? `the settings are ${names.join(', ')}` : `did you mean "${similar}"?`;
  return { kind: 'unknown-key', key, expected, found: name };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
