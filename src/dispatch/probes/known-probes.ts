/**
 * What a compiler made of trials that it took without a word, by everything that decides about it (probe-memory.ts):
 * the same question to the same compiler has the same answer. Only such answers are known: a refusal may have had any
 * reason, a full disk for one. Pure: unaware of files and of how a question is asked.
 */
import { createHash } from 'node:crypto';
import { putLast } from '../../util/put-last.ts';

/** A kernel asks some hundred; each is two hashes here. */
const MAX_TRIALS = 4_096;
/** An object of nothing has one or two KB; of those that are kept most are the same. */
export const MAX_OBJECT_BYTES = 16 * 1024;
const MAX_OBJECTS = 256;
const FIRST_LINE = 'pmake trials 1';
/** sha256, in hex. */
const HASH = /^[\da-f]{64}$/;

export class KnownTrials {
  /** The one that was used least recently first. */
  readonly #objectOf = new Map<string, string>();
  readonly #objects = new Map<string, Buffer>();

  get size(): number {
    return this.#objectOf.size;
  }

  /** The object that the compiler wrote; undefined for a question that it was not asked. `key`: a sha256, in hex. */
  get(key: string): Buffer | undefined {
    const hash = this.#objectOf.get(key);
    if (hash === undefined) return undefined;
    putLast(this.#objectOf, key, hash, MAX_TRIALS);
    return this.#objects.get(hash);
  }

  note(key: string, object: Buffer): void {
    if (object.length <= MAX_OBJECT_BYTES) this.#put(key, hashOf(object), object);
  }

  /** A line for each object, and one for each trial. */
  toText(): string {
    const objects = [...this.#objects].map(([hash, object]) => `object ${hash} ${object.toString('base64')}`);
    const trials = [...this.#objectOf].map(([key, hash]) => `trial ${key} ${hash}`);
    return [FIRST_LINE, ...objects, ...trials, ''].join('\n');
  }

  /** What an earlier dispatcher knew; what is known here already stays. Lines that make no sense are left out. */
  addText(text: string): void {
    const [first, ...lines] = text.split('\n');
    if (first !== FIRST_LINE) return;
    const objects = new Map<string, Buffer>();
    for (const line of lines) {
      const [kind, key = '', value = ''] = line.split(' ');
      if (kind === 'object') {
        const object = Buffer.from(value, 'base64');
        // Half a file, or a flipped bit, would be a wrong object.
        if (object.length <= MAX_OBJECT_BYTES && hashOf(object) === key) objects.set(key, object);
      } else if (kind === 'trial' && HASH.test(key) && !this.#objectOf.has(key)) {
        const object = objects.get(value);
        if (object) this.#put(key, value, object);
      }
    }
  }

  #put(key: string, hash: string, object: Buffer): void {
    if (!this.#objects.has(hash) && this.#objects.size >= MAX_OBJECTS) {
      // Rather ask again than find out which trials are left without an object.
      this.#objectOf.clear();
      this.#objects.clear();
    }
    this.#objects.set(hash, object);
    putLast(this.#objectOf, key, hash, MAX_TRIALS);
  }
}

/** As questions and objects are known by: sha256, in hex. */
export function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
