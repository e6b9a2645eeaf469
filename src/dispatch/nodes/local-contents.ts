/** Local contents that were compared with nodes: verdicts hold while they are unchanged. Unaware of nodes. */
import { areUnchangedNow, type FileStates } from '../../tree/file-states.ts';

/** Packages are rarely installed, and there are some hundred directories of headers. */
const LOOK_INTERVAL_MS = 2_000;

/** The contents of one requirement. */
export class LocalContents {
  #states: FileStates | undefined;
  #lookedAtMs = 0;
  #hasChanged = false;

  /**
   * Records a comparison.
   * @param states as they were before the comparison
   */
  note(states: FileStates): void {
    this.#states = states;
    this.#lookedAtMs = performance.now();
  }

  /** True also while nothing was compared. Once false, it stays false. */
  get isUnchanged(): boolean {
    const nowMs = performance.now();
    if (this.#hasChanged || !this.#states || nowMs - this.#lookedAtMs < LOOK_INTERVAL_MS) return !this.#hasChanged;
    this.#lookedAtMs = nowMs;
    this.#hasChanged = !areUnchangedNow(this.#states);
    return !this.#hasChanged;
  }
}
