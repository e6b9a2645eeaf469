/**
 * Feeds a decoder valid inputs, random changes of them and large ones. What a decoder must keep: it refuses in no way but
 * the declared one, takes what is valid, gives a value that is no larger than its input allows, reads that value's
 * encoding as the same value, and is done with a large input within seconds. Unaware of what the decoders read.
 *
 * A failure shows the seed and the input: PMAKE_TEST_SEED=7 runs that input alone, for each decoder. The seeds are the
 * same in each run; with PMAKE_TEST_ALL=1 there are a million for each decoder, and another million each day.
 */
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import { MalformedError } from '../../src/util/bytes.ts';
import { Random } from '../integration/identity/random.ts';

export { Random };

const IS_WHOLE = process.env.PMAKE_TEST_ALL === '1';
const ONLY = process.env.PMAKE_TEST_SEED;
const INPUTS = IS_WHOLE ? 1_000_000 : 20_000;
/** All decoders have a quarter of a minute together, on whatever machine; at night each has its million. */
const SHARE_MS = IS_WHOLE ? Infinity : 100;
/** Also on a machine that has no time. */
const LEAST_INPUTS = 200;
const DAY_MS = 86_400_000;
const FIRST_SEED = ONLY === undefined ? (IS_WHOLE ? Math.floor(Date.now() / DAY_MS) * INPUTS : 1) : Number(ONLY);
const MAX_TEST_MS = 1_800_000;

/** A large input: at this length what takes the square of it takes a minute, and what is linear some milliseconds. */
const LARGE_BYTES = 256 * 1024;
/** A hundred times what the slowest needs, for a machine with other work. */
const LARGE_LIMIT_MS = 30_000;
/** Limits on the size of the value: per byte of the input, and in addition to that. */
const [SIZE_FACTOR, SIZE_ALLOWANCE] = [64, 64 * 1024];
/** One valid input in so many is left as it is; of one value in so many the size is looked at. */
const [UNCHANGED_EVERY, MEASURED_EVERY] = [8, 64];
const SHOWN_CHARACTERS = 2_000;

/** What a broken decoder would let through: quotes, commands, escapes, numbers at their ends, keys of prototypes. */
const NASTY: readonly Buffer[] = [
  ...["'$(id)'", '-oX=y', '\u001b[2J', '\u202e', '\u00a0', '\ufeff', '__proto__', '1e999', '-1', 'null', '{}', '[['],
  ...[
    '{"toString":1}',
    '\\u0000',
    '\\',
    '"',
    "'",
    '/*',
    '(',
    ')',
    ' ',
    '\t',
    '\n',
    '\r',
    '\v',
    '\0',
    '@',
    ',',
    '=',
    ':',
  ],
  ...['#', '%', '$', '*', '?', '!', '-', '/', '//', '..', '0', '99999999999999999999', '0x10', 'NaN', ''],
].map((text) => Buffer.from(text));
const INVALID_UTF8 = Buffer.of(0xc3, 0x28, 0xff);

export interface Fuzzed<V> {
  readonly name: string;
  /** An input that must be taken. */
  readonly valid: (random: Random) => Buffer | string;
  readonly decode: (input: Buffer) => V;
  /** Undefined where values are not written by us. */
  readonly encode?: (value: V) => Buffer;
  /** Throws where a taken value breaks a rule. */
  readonly check?: (value: V, input: Buffer) => void;
  /** The only exception that may leave `decode`; by default MalformedError. `never`: it has a value for everything. */
  readonly refuses?: 'never' | ((cause: unknown) => boolean);
  /** What a large input is made of, repeated between `before` and `after`. */
  readonly pieces?: readonly string[];
  readonly before?: string;
  readonly after?: string;
}

/** A test for each decoder. */
export function fuzz<V>(fuzzed: Fuzzed<V>): void {
  it(
    fuzzed.name,
    () => {
      const taken = run(fuzzed);
      if (ONLY === undefined) expect(taken).toBeGreaterThan(10);
    },
    MAX_TEST_MS,
  );
  if (ONLY !== undefined) return;
  it(`${fuzzed.name}: large inputs`, () => {
    for (const piece of fuzzed.pieces ?? ['a', ' ', '\n', '[', '\\', '"']) {
      const input = Buffer.from(
        (fuzzed.before ?? '') + piece.repeat(Math.ceil(LARGE_BYTES / Buffer.byteLength(piece))),
      );
      const startedAtMs = performance.now();
      const value = decode(fuzzed, input);
      expect(performance.now() - startedAtMs, JSON.stringify(piece)).toBeLessThan(LARGE_LIMIT_MS);
      if (value) expect(sizeOf(value.taken), JSON.stringify(piece)).toBeLessThan(allowed(input));
    }
  });
}

/** How many inputs gave a value. */
function run<V>(fuzzed: Fuzzed<V>): number {
  const endMs = performance.now() + SHARE_MS;
  const count = ONLY === undefined ? INPUTS : 1;
  let taken = 0;
  for (let index = 0; index < count && (index < LEAST_INPUTS || performance.now() < endMs); index += 1) {
    const seed = FIRST_SEED + index;
    const random = new Random(seed);
    const valid = bytesOf(fuzzed.valid(random));
    const isChanged = random.below(UNCHANGED_EVERY) > 0;
    const input = isChanged ? mutate(random, valid, () => bytesOf(fuzzed.valid(random))) : valid;
    try {
      const value = decode(fuzzed, input);
      if (value) taken += 1;
      else if (!isChanged) throw new Error('a valid input was refused');
      if (value && index % MEASURED_EVERY === 0) expect(sizeOf(value.taken)).toBeLessThan(allowed(input));
      if (value && !isChanged && fuzzed.encode && !fuzzed.encode(value.taken).equals(valid)) {
        throw new Error('encoded again it is other bytes');
      }
    } catch (cause) {
      throw new Error(`PMAKE_TEST_SEED=${seed} ${shown(input)}: ${String(cause)}`, { cause });
    }
  }
  return taken;
}

/** Undefined for what was refused as declared. */
function decode<V>({ decode, encode, check, refuses }: Fuzzed<V>, input: Buffer): { readonly taken: V } | undefined {
  let value: V;
  try {
    value = decode(input);
  } catch (cause) {
    const isDeclared = refuses === undefined ? cause instanceof MalformedError : refuses !== 'never' && refuses(cause);
    if (isDeclared) return undefined;
    throw cause;
  }
  check?.(value, input);
  if (encode && !isDeepStrictEqual(decode(encode(value)), value)) throw new Error('encoded and decoded it is another');
  return { taken: value };
}

/** Some bytes changed, taken out, put in, doubled or cut off, or two valid inputs spliced. */
function mutate(random: Random, bytes: Buffer, other: () => Buffer): Buffer {
  let changed = bytes;
  for (let count = 1 + random.below(4); count > 0; count -= 1) {
    const at = random.below(changed.length + 1);
    const [head, rest] = [changed.subarray(0, at), changed.subarray(at)];
    changed = Buffer.concat([head, ...mutatedRest(random, rest, other)]);
  }
  return changed;
}

function mutatedRest(random: Random, rest: Buffer, other: () => Buffer): Buffer[] {
  switch (random.below(8)) {
    case 0:
      return [Buffer.of(random.below(256)), rest.subarray(1)];
    case 1:
      return [rest.subarray(1 + random.below(8))];
    case 2:
    case 3:
      return [NASTY[random.below(NASTY.length)] ?? INVALID_UTF8, rest];
    case 4:
      return [Buffer.alloc(random.below(9), random.chance(0.5) ? 0xff : 0), rest];
    case 5:
      return [rest.subarray(0, random.below(64)), rest];
    case 6: {
      const more = other();
      return [more.subarray(random.below(more.length + 1))];
    }
    default:
      return random.chance(0.5) ? [] : [INVALID_UTF8, rest];
  }
}

function bytesOf(input: Buffer | string): Buffer {
  return typeof input === 'string' ? Buffer.from(input) : input;
}

function allowed(input: Buffer): number {
  return SIZE_FACTOR * input.length + SIZE_ALLOWANCE;
}

/** Characters, bytes and members, those that occur twice counted twice. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (Buffer.isBuffer(value)) return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  const members =
    value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.entries(value).flat();
  return members.reduce<number>((sum, member) => sum + 1 + sizeOf(member), 1);
}

function shown(input: Buffer): string {
  const text = JSON.stringify(input.toString('latin1'));
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}… (${input.length} bytes)` : text;
}

/** One of them. */
export function oneOf<T>(random: Random, choices: readonly T[]): T {
  const chosen = choices[random.below(choices.length)];
  if (chosen === undefined) throw new RangeError('nothing to choose from');
  return chosen;
}

/** The words of a text that a decoder takes apart by itself, for decoders that get words. */
export function wordsOf(input: Buffer): string[] {
  return input.toString('utf8').split('\n');
}
