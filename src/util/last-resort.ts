/**
 * Handler for uncaught exceptions and rejections in a process that serves others. Such an event is a bug: the stack is
 * logged, and the process continues, because other jobs depend on it. Unaware of what is served.
 *
 * A rejection affects only what awaited it. After an exception, Node.js advises against continuing, because the code
 * that threw was interrupted at an arbitrary point. In these processes that is one callback of one socket, timer or
 * child: there is no state shared with other threads or with an unfinished native call, each job ends with its own
 * socket, and if a dispatcher or broker exited, every job would fail. What stays unfinished (a slot that is not
 * returned) costs speed, not correctness, because nothing that a compile is judged by is decided after an exception. If
 * that assumption is wrong, the bug shows up again, and a flood of exceptions ends the process.
 */

/** With this many in FLOOD_MS the process does nothing else, and it is better to exit. */
const FLOOD_COUNT = 100;
const FLOOD_MS = 60_000;
/** Distinct events whose stack is logged. Others, and repetitions, are only counted. */
const MAX_LOGGED = 50;
/** A stack has ten lines. */
const MAX_LOGGED_CHARACTERS = 4_096;

/** The log, and the normal way to exit. */
export interface LastResortOptions {
  /** Writes one or more lines to the log. */
  readonly log: (text: string) => void;
  /** Ends the process in its normal way. Called once. */
  readonly end: () => void;
  readonly nowMs?: () => number;
}

/** Counts and logs uncaught events, and decides when the process must exit. Unaware of the process itself. */
export class LastResort {
  readonly #options: LastResortOptions;
  readonly #logged = new Set<string>();
  #recentMs: number[] = [];
  #isEnding = false;

  constructor(options: LastResortOptions) {
    this.#options = options;
  }

  /** @param kind - the kind of event, for the log */
  note(kind: string, cause: unknown): void {
    const { log, end, nowMs = () => performance.now() } = this.#options;
    const now = nowMs();
    this.#recentMs = [...this.#recentMs.filter((atMs) => now - atMs < FLOOD_MS), now];
    const text = describe(cause);
    if (!this.#logged.has(text) && this.#logged.size < MAX_LOGGED) {
      this.#logged.add(text);
      log(`uncaught ${kind}, a bug in pmake; jobs continue: ${text}`);
    }
    if (this.#recentMs.length < FLOOD_COUNT || this.#isEnding) return;
    this.#isEnding = true;
    log(`${FLOOD_COUNT} of these within ${FLOOD_MS / 1_000} s: exiting`);
    end();
  }
}

/** Time after which the process is ended if it does not end by itself. */
const END_LIMIT_MS = 5_000;

/**
 * Installs the handler: from now on the process survives uncaught events. A flood of them has the effect of SIGTERM.
 */
export function installLastResort(log: (text: string) => void): void {
  const end = (): void => {
    setTimeout(() => process.exit(1), END_LIMIT_MS);
    process.kill(process.pid, 'SIGTERM');
  };
  const lastResort = new LastResort({ log, end });
  const note = (kind: string, cause: unknown): void => {
    try {
      lastResort.note(kind, cause);
    } catch {
      // The log cannot be written. An exception in this handler would end the process.
    }
  };
  process.on('unhandledRejection', (cause) => note('unhandled rejection', cause));
  process.on('uncaughtException', (cause) => note('exception', cause));
}

/** Never throws, whatever was thrown. */
function describe(cause: unknown): string {
  try {
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    return text.slice(0, MAX_LOGGED_CHARACTERS);
  } catch {
    return 'what has no text';
  }
}
