/**
 * How long builds count on nodes whose checks are slow. A node that answers nothing must not keep jobs from local slots,
 * and neither must one that answers each question just in time. Unaware of what is checked.
 */
import { startPatientTimer } from '../../util/patience.ts';

/** From a node's first slow check in a build. The first check of a compiler hashes 70 MB, from a cold disk perhaps. */
const SLOW_LIMIT_MS = 10_000;

/** Patience with each node. */
export class CheckPatience {
  readonly #onOver: () => void;
  /** Ends the wait for a node; undefined once it is over. */
  readonly #waits = new Map<string, (() => void) | undefined>();

  /** @param onOver patience with a node has just run out */
  constructor(onOver: () => void) {
    this.#onOver = onOver;
  }

  /** The node has a slow check. Only the first time counts. */
  begin(node: string): void {
    if (this.#waits.has(node)) return;
    this.#waits.set(
      node,
      startPatientTimer(SLOW_LIMIT_MS, () => this.giveUp(node)),
    );
  }

  /** Patience with the node is over now. */
  giveUp(node: string): void {
    this.#waits.get(node)?.();
    this.#waits.set(node, undefined);
    this.#onOver();
  }

  isOver(node: string): boolean {
    return this.#waits.has(node) && this.#waits.get(node) === undefined;
  }

  /** Another build begins: there is new patience with each node that has no slow check. */
  renew(hasSlowCheck: (node: string) => boolean): void {
    for (const [node, endWait] of this.#waits) {
      if (hasSlowCheck(node)) continue;
      endWait?.();
      this.#waits.delete(node);
    }
  }

  close(): void {
    this.renew(() => false);
  }
}
