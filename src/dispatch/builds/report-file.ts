/**
 * The newest build's report on disk, for `pmakectl explain` after the dispatcher is gone. Best effort throughout: a build
 * must not end badly because its report could not be kept. Unaware of what is in a report.
 */
import type { BuildReport } from '../../protocol/control.ts';
import { replaceFile } from '../../util/replace-file.ts';

/** Under plain make every job's end is an idle moment: one report serves a burst of them. */
const SAVE_DELAY_MS = 1_000;

export class ReportFile {
  readonly #path: string;
  #pending: { readonly make: () => BuildReport | undefined; readonly timer: NodeJS.Timeout } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  save(report: BuildReport): void {
    replaceFile(this.#path, JSON.stringify(report));
  }

  /** Saves what `make` gives a moment later, once for all calls until then. */
  saveSoon(make: () => BuildReport | undefined): void {
    this.#pending ??= { make, timer: setTimeout(() => this.flush(), SAVE_DELAY_MS) };
  }

  /** Saves now what was to be saved soon. */
  flush(): void {
    if (!this.#pending) return;
    clearTimeout(this.#pending.timer);
    const report = this.#pending.make();
    this.#pending = undefined;
    if (report) this.save(report);
  }
}
