/**
 * What a node's broker remembers from one start to the next. Without a directory it forgets, and works all the same.
 * Unaware of what the values are for.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { readJsonFile } from '../util/parse-json.ts';
import { replaceFile } from '../util/replace-file.ts';

export interface Remembered {
  /** Of the newest start. */
  readonly bootId?: number;
  /** Somebody asked that this node takes nothing new. */
  readonly drained?: boolean;
  /** Of the standard compile, and the compiler it was measured with. */
  readonly speed?: { readonly value: number; readonly compiler: string };
}

const NAME = 'state.json';
/** Three fields; a longer file is another's. */
const MAX_STATE_BYTES = 64 * 1024;
/** PATH_MAX of Linux, and what is said of the compiler. */
const MAX_COMPILER_CHARACTERS = 8_192;

/** Each field by itself: a spoilt one is measured again, and the others still count. */
const STATE = v.object({
  bootId: optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  drained: optional(v.literal(true)),
  speed: optional(
    v.object({
      value: v.pipe(v.number(), v.finite(), v.gtValue(0)),
      compiler: v.pipe(v.string(), v.maxLength(MAX_COMPILER_CHARACTERS)),
    }),
  ),
});

function optional<T>(schema: v.GenericSchema<unknown, T>) {
  return v.fallback(v.optional(schema), undefined);
}

export class StateDirectory {
  readonly #path: string | undefined;
  #remembered: Remembered;
  /** Why the newest change could not be kept; empty when it was. */
  problem = '';

  constructor(directory: string | undefined) {
    this.#path = directory === undefined ? undefined : join(directory, NAME);
    this.#remembered = this.#read();
  }

  get remembered(): Remembered {
    return this.#remembered;
  }

  /** A number above that of every earlier start, also when the clock was set back since. */
  nextBootId(nowMs: number): number {
    const bootId = Math.max(Math.floor(nowMs), (this.#remembered.bootId ?? 0) + 1);
    this.remember({ bootId });
    return bootId;
  }

  remember(change: Remembered): void {
    this.#remembered = { ...this.#remembered, ...change };
    if (this.#path === undefined) return;
    const failure = replaceFile(this.#path, JSON.stringify(this.#remembered));
    this.problem = failure === undefined ? '' : `what this node learned cannot be kept in ${this.#path}: ${failure}`;
  }

  /** Not there yet, or half a file of a full disk: what it held is measured again. */
  #read(): Remembered {
    const state = this.#path === undefined ? undefined : readJsonFile(this.#path, STATE, MAX_STATE_BYTES);
    if (!state) return {};
    const { bootId, drained, speed } = state;
    return {
      ...(bootId !== undefined && { bootId }),
      ...(drained !== undefined && { drained }),
      ...(speed !== undefined && { speed }),
    };
  }
}
