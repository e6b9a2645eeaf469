/**
 * State that a node's broker keeps across restarts. Without a directory nothing is kept, and everything still works.
 * Unaware of what the values are for.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { readJsonFile } from '../util/parse-json.ts';
import { replaceFile } from '../util/replace-file.ts';

/** The stored state. */
export interface Remembered {
  /** Boot id of the latest start. */
  readonly bootId?: number;
  /** An administrator drained this node. */
  readonly drained?: boolean;
  /** The result of the standard compile, and the compiler it was measured with. */
  readonly speed?: { readonly value: number; readonly compiler: string };
}

const NAME = 'state.json';
/** Three fields; a longer file is not ours. */
const MAX_STATE_BYTES = 64 * 1024;
/** PATH_MAX of Linux, plus the compiler's identity. */
const MAX_COMPILER_CHARACTERS = 8_192;

/** Fields are checked separately: an invalid one is measured again, and the others are kept. */
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

/** Reads and writes the state. */
export class StateDirectory {
  readonly #path: string | undefined;
  #remembered: Remembered;
  /** Why the latest change could not be saved; empty if it was saved. */
  problem = '';

  constructor(directory: string | undefined) {
    this.#path = directory === undefined ? undefined : join(directory, NAME);
    this.#remembered = this.#read();
  }

  get remembered(): Remembered {
    return this.#remembered;
  }

  /** Returns an id above that of every earlier start, even if the clock has been set back. */
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

  /** The file may be missing, or truncated by a full disk: lost values are measured again. */
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
