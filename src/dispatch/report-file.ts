/**
 * The newest build's report on disk, for `pmakectl explain` after the dispatcher is gone. Best effort throughout: a build
 * must not end badly because its report could not be kept. Unaware of what is in a report.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { BuildReport } from '../protocol/control.ts';

/** Under plain make every job's end is an idle moment: one report serves a burst of them. */
const SAVE_DELAY_MS = 1_000;

export class ReportFile {
  readonly #path: string;
  #pending: { readonly make: () => BuildReport | undefined; readonly timer: NodeJS.Timeout } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  save(report: BuildReport): void {
    const temporary = `${this.#path}.${process.pid}`;
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      writeFileSync(temporary, JSON.stringify(report), { mode: 0o600 });
      renameSync(temporary, this.#path);
    } catch {
      removeQuietly(temporary);
    }
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

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // `force` is silent about a missing file only; the directory may be closed or no directory.
  }
}
