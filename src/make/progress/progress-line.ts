/**
 * Progress line: while make is silent, it shows what the cluster is doing in a separate row at the bottom of the
 * terminal. It disappears when make prints something, when pmake is suspended, and at the end. Unaware of how the
 * figures are counted.
 */
import { writeSync } from 'node:fs';
import type { BuildProgress } from '../../protocol/control.ts';
import { formatProgress } from '../../report/progress.ts';
import { isInForeground, writtenBytes } from '../invocation/process-state.ts';
import { fillRow, MIN_ROWS, releaseRow, reserveRow } from './status-row.ts';
import { printableLine } from '../../util/printable.ts';

/** After this much silence, a user wonders whether anything is happening. */
const SILENCE_MS = 2_000;
const LOOK_MS = 250;
/** The columns for the spinner, the space after it, and the last column, where some terminals would wrap. */
const SPINNER_COLUMNS = 4;

/** The build whose progress is shown. */
export interface ProgressOptions {
  readonly makePid: number;
  /** When the build began, on the clock of performance.now(). */
  readonly startedMs: number;
  /** Resolves to undefined when the dispatcher does not answer; the line is then not shown again. */
  readonly look: () => Promise<BuildProgress | undefined>;
}

/** Starts with its construction, and runs until stop(). */
export class ProgressLine {
  readonly #options: ProgressOptions;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #silentSinceMs = performance.now();
  #written: string | undefined;
  #finished = 0;
  /** Rows of the terminal when the row was reserved; 0 while none exists. */
  #shownRows = 0;
  #addSpinner: ((text: string) => string) | undefined;
  readonly #onSuspend = (): void => {
    this.#hide();
    // SIGSTOP, because this listener has replaced the default action of SIGTSTP.
    process.kill(process.pid, 'SIGSTOP');
  };
  /**
   * Terminals forget the scrolling region when they are resized; the next poll draws the row again. The row that is now
   * the last is cleared, because text from above may have moved to where the row was.
   */
  readonly #onResize = (): void => this.#hide(process.stderr.rows);

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Leaves the screen as make left it. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#hide();
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      void this.#look()
        // The line is a convenience; no error in it may affect the build.
        .catch(() => this.stop())
        .finally(() => {
          if (!this.#isStopped) this.#schedule();
        });
    }, LOOK_MS);
  }

  async #look(): Promise<void> {
    const now = performance.now();
    const written = writtenBytes(this.#options.makePid);
    if (written !== this.#written) {
      this.#written = written;
      this.#noteActivity(now);
      return;
    }
    if (now - this.#silentSinceMs < SILENCE_MS) return;
    const progress = await this.#options.look();
    if (progress === undefined) {
      this.stop();
      return;
    }
    if (progress.finished !== this.#finished) {
      this.#finished = progress.finished;
      this.#noteActivity(now);
      return;
    }
    await this.#show(progress);
  }

  #noteActivity(now: number): void {
    this.#silentSinceMs = now;
    this.#hide();
  }

  async #show(progress: BuildProgress): Promise<void> {
    const { rows, columns } = process.stderr;
    const elapsedMs = performance.now() - this.#options.startedMs;
    const text = printableLine(formatProgress(progress, elapsedMs, columns - SPINNER_COLUMNS));
    if (text === '' || rows < MIN_ROWS || !isInForeground()) {
      this.#hide();
      return;
    }
    this.#addSpinner ??= await loadSpinner();
    // make may have ended while the module was loading.
    if (this.#isStopped) return;
    const line = this.#addSpinner(text);
    if (this.#shownRows !== rows) {
      this.#hide();
      this.#shownRows = rows;
      process.on('SIGTSTP', this.#onSuspend);
      process.stderr.on('resize', this.#onResize);
      writeSync(2, reserveRow(rows) + fillRow(rows, line));
    } else {
      writeSync(2, fillRow(rows, line));
    }
  }

  #hide(rows = this.#shownRows): void {
    if (this.#shownRows === 0) return;
    process.off('SIGTSTP', this.#onSuspend);
    process.stderr.off('resize', this.#onResize);
    this.#shownRows = 0;
    try {
      writeSync(2, releaseRow(rows));
    } catch {
      // The terminal is gone.
    }
  }
}

/**
 * ora only supplies the frames. It would draw on the cursor's line, which belongs to make, and take over make's
 * standard input.
 */
async function loadSpinner(): Promise<(text: string) => string> {
  const { default: ora } = await import('ora');
  const spinner = ora({ stream: process.stderr, isEnabled: true, discardStdin: false, hideCursor: false });
  return (text) => {
    spinner.text = text;
    return spinner.frame();
  };
}
