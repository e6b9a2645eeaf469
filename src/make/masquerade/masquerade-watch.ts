/**
 * Watch over a masquerade that lies among temporary files while make runs: if a cleaner deleted it unnoticed, all later
 * compiles would silently bypass pmake. Unaware of make.
 */
import type { Masquerade } from './masquerade.ts';

/** A check costs a few stats. Calls between a deletion and the next check run locally and are not counted anywhere. */
const LOOK_MS = 2_000;

const TAKEN_AWAY =
  'the directory of compiler shims was deleted during the build, as by a cleaner of temporary files, and made again: ' +
  'what was called meanwhile ran here';

/** A watch that is in progress. */
export interface MasqueradeWatch {
  /** Ends the watch. Returns a sentence that says what happened, or an empty string. */
  readonly stop: () => string;
}

/** A no-op where there is no masquerade, or it lies in a lasting place. */
export function watchMasquerade(masquerade: Masquerade | undefined, lookMs = LOOK_MS): MasqueradeWatch {
  if (masquerade?.isTemporary !== true) return { stop: () => '' };
  let wasTaken = false;
  const look = (): void => {
    if (masquerade.restore()) wasTaken = true;
  };
  const timer = setInterval(look, lookMs);
  // The running make keeps this process alive.
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return wasTaken ? TAKEN_AWAY : '';
    },
  };
}
