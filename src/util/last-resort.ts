/**
 * What a process that serves others does with an exception or a rejection that no code of it caught: it is a defect of ours,
 * its stack goes to the log, and the process serves on, because others have jobs in it. Unaware of what is served.
 *
 * A rejection costs what awaited it, and no more. After an exception Node.js warns against going on, since what threw was
 * left in the middle. Here that is one callback of one socket, timer or child: there is no state of which several threads
 * or a half-finished native call have a part, each job ends with its own socket, and a dispatcher or broker that ended
 * would take every job along. What is left half done for good (a slot that is not given back) costs speed, not a result:
 * nothing that a compile is judged by is decided after an exception. Where that is wrong, the defect shows again, and a
 * flood ends the process.
 */

/** So many in FLOOD_MS: the process does nothing else any longer, and its end serves all better. */
const FLOOD_COUNT = 100;
const FLOOD_MS = 60_000;
/** Different ones whose stack is in the log; of others, and of repetitions, there is a count. */
const MAX_LOGGED = 50;
/** A stack has ten lines. */
const MAX_LOGGED_CHARACTERS = 4_096;

export interface LastResortOptions {
  /** Writes a line, or several, to the log. */
  readonly log: (text: string) => void;
  /** Ends the process in its normal way. Called once. */
  readonly end: () => void;
  readonly nowMs?: () => number;
}

/** Counts what was not caught, logs it, and decides when the process must end. Knows no process. */
export class LastResort {
  readonly #options: LastResortOptions;
  readonly #logged = new Set<string>();
  #recentMs: number[] = [];
  #isEnding = false;

  constructor(options: LastResortOptions) {
    this.#options = options;
  }

  /** @param kind what it is, for the log */
  note(kind: string, cause: unknown): void {
    const { log, end, nowMs = () => performance.now() } = this.#options;
    const now = nowMs();
    this.#recentMs = [...this.#recentMs.filter((atMs) => now - atMs < FLOOD_MS), now];
    const text = describe(cause);
    if (!this.#logged.has(text) && this.#logged.size < MAX_LOGGED) {
      this.#logged.add(text);
      log(`an ${kind} that nothing caught, a defect of pmake; jobs go on: ${text}`);
    }
    if (this.#recentMs.length < FLOOD_COUNT || this.#isEnding) return;
    this.#isEnding = true;
    log(`${FLOOD_COUNT} of these within ${FLOOD_MS / 1_000} s: it ends`);
    end();
  }
}

/** A process that does not end by itself within this is ended. */
const END_LIMIT_MS = 5_000;

/** From here on this process outlives what it does not catch. A flood ends it as SIGTERM does. */
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
