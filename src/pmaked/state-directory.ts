/**
 * What a node's broker remembers from one start to the next. Without a directory it forgets, and works all the same.
 * Unaware of what the values are for.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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

  #read(): Remembered {
    if (this.#path === undefined) return {};
    try {
      const value: unknown = JSON.parse(readFileSync(this.#path, 'utf8'));
      return typeof value === 'object' && value !== null ? sanitised(value) : {};
    } catch {
      // Not there yet, or half a file of a full disk: what it held is measured again.
      return {};
    }
  }
}

function sanitised(value: Remembered): Remembered {
  const { bootId, drained, speed } = value;
  return {
    ...(Number.isSafeInteger(bootId) && { bootId }),
    ...(drained === true && { drained }),
    ...(speed && speed.value > 0 && typeof speed.compiler === 'string' && { speed }),
  };
}
