/** What was compared with nodes, as it was here: while it is unchanged the verdicts hold. Unaware of nodes. */
import { areUnchangedNow, type FileStates } from '../../tree/file-states.ts';

/** Packages are installed seldom, and there are some hundred directories of headers. */
const LOOK_INTERVAL_MS = 2_000;

export class HereContents {
  #states: FileStates | undefined;
  #lookedAtMs = 0;
  #hasChanged = false;

  /** @param states as they were before the comparison */
  note(states: FileStates): void {
    this.#states = states;
    this.#lookedAtMs = performance.now();
  }

  /** True while nothing was compared. What has changed once is another. */
  get isUnchanged(): boolean {
    const nowMs = performance.now();
    if (this.#hasChanged || !this.#states || nowMs - this.#lookedAtMs < LOOK_INTERVAL_MS) return !this.#hasChanged;
    this.#lookedAtMs = nowMs;
    this.#hasChanged = !areUnchangedNow(this.#states);
    return !this.#hasChanged;
  }
}
