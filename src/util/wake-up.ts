/** One timer for the next moment at which something must act by itself. */
export class WakeUp {
  readonly #onTime: () => void;
  #next: { readonly atMs: number; readonly handle: NodeJS.Timeout } | undefined;

  /** @param onTime called at the time that was set last; it may set another */
  constructor(onTime: () => void) {
    this.#onTime = onTime;
  }

  /** Wakes at `atMs` (performance.now()), or earlier if that was set before; Infinity for never. */
  set(atMs: number): void {
    if (this.#next && this.#next.atMs <= atMs) return;
    this.cancel();
    if (atMs === Infinity) return;
    const handle = setTimeout(
      () => {
        this.#next = undefined;
        this.#onTime();
      },
      Math.ceil(atMs - performance.now()),
    );
    handle.unref();
    this.#next = { atMs, handle };
  }

  cancel(): void {
    clearTimeout(this.#next?.handle);
    this.#next = undefined;
  }
}
