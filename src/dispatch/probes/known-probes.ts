/**
 * Cache of option probes that a compiler accepted silently, keyed by everything that determines the result
 * (probe-memory.ts): the same question to the same compiler has the same answer. Refusals are not cached, because they
 * may have any cause, such as a full disk. Pure: unaware of files and of how a question is asked.
 */
import { createHash } from 'node:crypto';
import { LruMap } from '../../util/lru-map.ts';

/** A kernel asks some hundred questions; each takes two hashes here. */
const MAX_PROBES = 4_096;
/** The object of an empty source has one or two KB; most of the cached objects are equal. */
export const MAX_OBJECT_BYTES = 16 * 1024;
const MAX_OBJECTS = 256;
const FIRST_LINE = 'pmake trials 1';
/** sha256, in hex. */
const HASH = /^[\da-f]{64}$/;

/** LRU cache of accepted probes and their objects. */
export class KnownProbes {
  /** Least recently used first. */
  readonly #objectOf = new LruMap<string, string>(MAX_PROBES);
  readonly #objects = new Map<string, Buffer>();

  get size(): number {
    return this.#objectOf.size;
  }

  /** The object that the compiler wrote; undefined if the question is not cached. `key` is a sha256 in hex. */
  get(key: string): Buffer | undefined {
    const hash = this.#objectOf.get(key);
    if (hash === undefined) return undefined;
    this.#objectOf.set(key, hash);
    return this.#objects.get(hash);
  }

  note(key: string, object: Buffer): void {
    if (object.length <= MAX_OBJECT_BYTES) this.#put(key, hashOf(object), object);
  }

  /** One line per object, and one per probe. */
  toText(): string {
    const objects = [...this.#objects].map(([hash, object]) => `object ${hash} ${object.toString('base64')}`);
    const probes = [...this.#objectOf].map(([key, hash]) => `trial ${key} ${hash}`);
    return [FIRST_LINE, ...objects, ...probes, ''].join('\n');
  }

  /** Adds what an earlier dispatcher knew; existing entries stay. Invalid lines are ignored. */
  addText(text: string): void {
    const [first, ...lines] = text.split('\n');
    if (first !== FIRST_LINE) return;
    const objects = new Map<string, Buffer>();
    for (const line of lines) {
      const [kind, key = '', value = ''] = line.split(' ');
      if (kind === 'object') {
        const object = Buffer.from(value, 'base64');
        // A truncated line or a flipped bit would give a wrong object.
        if (object.length <= MAX_OBJECT_BYTES && hashOf(object) === key) objects.set(key, object);
      } else if (kind === 'trial' && HASH.test(key) && !this.#objectOf.has(key)) {
        const object = objects.get(value);
        if (object) this.#put(key, value, object);
      }
    }
  }

  #put(key: string, hash: string, object: Buffer): void {
    if (!this.#objects.has(hash) && this.#objects.size >= MAX_OBJECTS) {
      // Simpler than finding the probes that would be left without an object.
      this.#objectOf.clear();
      this.#objects.clear();
    }
    this.#objects.set(hash, object);
    this.#objectOf.set(key, hash);
  }
}

/** The hash that identifies questions and objects: sha256 in hex. */
export function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
