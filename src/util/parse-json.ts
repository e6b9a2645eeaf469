/**
 * Validates JSON from outside this process (a socket, a file, a program's output) against a schema. Fields that the
 * schema does not name are dropped. The caller bounds the length of the text, the schema everything in it. Unaware of
 * what the values mean.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { printableLine } from './printable.ts';
import { fail, ok, type Result } from './result.ts';

/** A place may contain a key of the text, and may be logged. */
const MAX_PLACE_CHARACTERS = 100;
const OTHERS_MAY_WRITE = 0o022;
/** Matches every text with a negative number, and some strings. */
const NEGATIVE_NUMBER = /(?:^|[\s:,[])-\d/;

/** Why a text does not match its schema. */
export type JsonFailure =
  | { readonly reason: 'not-json' }
  /** `place` is the path of the first wrong value (`nodes.3.slots`), printable and short; empty for the whole value. */
  | { readonly reason: 'wrong-value'; readonly place: string };

/** The parsed value without the fields that the schema does not name. */
export function parseJson<T>(text: string, schema: v.GenericSchema<unknown, T>): Result<T, JsonFailure> {
  let value: unknown;
  try {
    // A negative zero (`-0`, `-1e-999`) is equal to 0, but not the same key and not the same when it is written again.
    value = NEGATIVE_NUMBER.test(text) ? JSON.parse(text, withoutNegativeZero) : JSON.parse(text);
  } catch {
    return fail({ reason: 'not-json' });
  }
  return checkJson(value, schema);
}

function withoutNegativeZero(_: string, value: unknown): unknown {
  return value === 0 ? 0 : value;
}

/** The same for a parsed value. */
export function checkJson<T>(value: unknown, schema: v.GenericSchema<unknown, T>): Result<T, JsonFailure> {
  const parsed = v.safeParse(schema, value, { abortEarly: true });
  if (parsed.success) return ok(parsed.output);
  const place = parsed.issues[0].path?.map(({ key }) => String(key)).join('.') ?? '';
  return fail({ reason: 'wrong-value', place: printableLine(place, MAX_PLACE_CHARACTERS) });
}

/** A clause, here and not in report/ because protocol/ puts it into its errors: `nodes.3.slots is wrong`. */
export function describeJsonFailure(failure: JsonFailure): string {
  switch (failure.reason) {
    case 'not-json':
      return 'not JSON';
    case 'wrong-value':
      return `${failure.place || 'it'} is wrong`;
  }
}

/**
 * The contents of a small file of ours. Undefined if it is missing, invalid, longer than `maxBytes`, not a regular
 * file, or if another user owns it or may write it: its directory may be writable by others.
 */
export function readJsonFile<T>(path: string, schema: v.GenericSchema<unknown, T>, maxBytes: number): T | undefined {
  let fd: number | undefined;
  try {
    // Without O_NONBLOCK, opening a FIFO of that name would block.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const stats = fstatSync(fd);
    const isOurs = stats.uid === process.geteuid?.() || stats.uid === 0;
    if (!stats.isFile() || !isOurs || (stats.mode & OTHERS_MAY_WRITE) !== 0 || stats.size > maxBytes) return undefined;
    const parsed = parseJson(readFileSync(fd, 'utf8'), schema);
    return parsed.ok ? parsed.value : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
