/**
 * JSON from outside this process (a socket, a file, what a program printed), taken only as a schema has it: what a schema
 * does not name is left out. The caller bounds the length of the text, the schema all that is in it. Unaware of what the
 * values mean.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { printableLine } from './printable.ts';
import { fail, ok, type Result } from './result.ts';

/** A key of the text may stand in the failure, and the failure in a log. */
const MAX_PLACE_CHARACTERS = 100;
const OTHERS_MAY_WRITE = 0o022;

/** The value, or in a few words what is wrong: `not JSON`, `nodes.3.slots is wrong`. */
export function parseJson<T>(text: string, schema: v.GenericSchema<unknown, T>): Result<T, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('not JSON');
  }
  return checkJson(value, schema);
}

/** The same for what has been parsed. */
export function checkJson<T>(value: unknown, schema: v.GenericSchema<unknown, T>): Result<T, string> {
  const parsed = v.safeParse(schema, value, { abortEarly: true });
  if (parsed.success) return ok(parsed.output);
  const place = parsed.issues[0].path?.map(({ key }) => String(key)).join('.') ?? 'it';
  return fail(`${printableLine(place, MAX_PLACE_CHARACTERS)} is wrong`);
}

/**
 * What a small file of ours holds; undefined where it is missing, spoilt, longer than `maxBytes`, no regular file, or one
 * that another user owns or may write: it lies in a directory that others may be able to write.
 */
export function readJsonFile<T>(path: string, schema: v.GenericSchema<unknown, T>, maxBytes: number): T | undefined {
  let fd: number | undefined;
  try {
    // Without O_NONBLOCK a FIFO by that name would be waited for.
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
