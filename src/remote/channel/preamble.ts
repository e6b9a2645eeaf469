/**
 * Finds the worker's first bytes behind whatever a login shell's rc files print.
 * Unaware of where the bytes come from and of the frames that follow.
 */
import { MAX_PREAMBLE_SKIP_BYTES, WORKER_PREAMBLE } from '../../protocol/worker.ts';

export type PreambleStep =
  | { readonly kind: 'more' }
  /** `rest`: what came behind the preamble already. */
  | { readonly kind: 'found'; readonly rest: Buffer }
  /** More noise than any rc file makes. */
  | { readonly kind: 'not-a-worker' };

export class PreambleScanner {
  #seen: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): PreambleStep {
    this.#seen = Buffer.concat([this.#seen, chunk]);
    const at = this.#seen.indexOf(WORKER_PREAMBLE);
    if (at > MAX_PREAMBLE_SKIP_BYTES) return { kind: 'not-a-worker' };
    if (at >= 0) return { kind: 'found', rest: this.#seen.subarray(at + WORKER_PREAMBLE.length) };
    // A preamble that is half here must not be taken for noise over the limit.
    if (this.#seen.length >= MAX_PREAMBLE_SKIP_BYTES + WORKER_PREAMBLE.length) return { kind: 'not-a-worker' };
    return { kind: 'more' };
  }

  /** What was printed so far, for the message when no preamble comes. */
  get printed(): Buffer {
    return this.#seen;
  }
}
