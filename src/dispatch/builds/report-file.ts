/**
 * Report of the newest build on disk, for `pmakectl explain` after the dispatcher is gone. Best effort: a build must
 * not fail because its report could not be saved. Unaware of what is in a report.
 */
import type { BuildReport } from '../../protocol/control.ts';
import { replaceFile } from '../../util/replace-file.ts';

/** Under plain make the end of each job may be an idle moment: one save serves a burst of them. */
const SAVE_DELAY_MS = 1_000;

/** Writes reports, at once or a moment later. */
export class ReportFile {
  readonly #path: string;
  #pending: { readonly make: () => BuildReport | undefined; readonly timer: NodeJS.Timeout } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  save(report: BuildReport): void {
    replaceFile(this.#path, JSON.stringify(report));
  }

  /** Saves the report from `make` a moment later; calls until then are merged. */
  saveSoon(make: () => BuildReport | undefined): void {
    this.#pending ??= { make, timer: setTimeout(() => this.flush(), SAVE_DELAY_MS) };
  }

  /** Saves a pending report now. */
  flush(): void {
    if (!this.#pending) return;
    clearTimeout(this.#pending.timer);
    const report = this.#pending.make();
    this.#pending = undefined;
    if (report) this.save(report);
  }
}
