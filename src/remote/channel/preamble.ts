/**
 * Scanner for the worker's preamble, which follows any output of the login shell's rc files.
 * Unaware of where the bytes come from and of the frames that follow.
 */
import { MAX_PREAMBLE_SKIP_BYTES, WORKER_PREAMBLE } from '../../protocol/worker.ts';

/** The result of one chunk. */
export type PreambleStep =
  | { readonly kind: 'more' }
  /** `rest` is what has already arrived after the preamble. */
  | { readonly kind: 'found'; readonly rest: Buffer }
  /** There was more output than any rc file prints. */
  | { readonly kind: 'not-a-worker' };

/** Searches chunks of bytes for the preamble. */
export class PreambleScanner {
  #seen: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): PreambleStep {
    this.#seen = Buffer.concat([this.#seen, chunk]);
    const at = this.#seen.indexOf(WORKER_PREAMBLE);
    if (at > MAX_PREAMBLE_SKIP_BYTES) return { kind: 'not-a-worker' };
    if (at >= 0) return { kind: 'found', rest: this.#seen.subarray(at + WORKER_PREAMBLE.length) };
    // A preamble that has arrived in part must not count as noise over the limit.
    if (this.#seen.length >= MAX_PREAMBLE_SKIP_BYTES + WORKER_PREAMBLE.length) return { kind: 'not-a-worker' };
    return { kind: 'more' };
  }

  /** Everything printed so far, for the message when no preamble arrives. */
  get printed(): Buffer {
    return this.#seen;
  }
}
