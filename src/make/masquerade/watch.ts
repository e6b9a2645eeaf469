/**
 * Looks after a masquerade that lies among temporary files while make runs: whatever cleans those up would otherwise send
 * every compile that follows past pmake, without a word. Unaware of make.
 */
import type { Masquerade } from './masquerade.ts';

/** A few stats. What is deleted before the next look runs here, and is not counted anywhere. */
const LOOK_MS = 2_000;

const TAKEN_AWAY =
  'the directory of compiler shims was deleted during the build, as by a cleaner of temporary files, and made again: ' +
  'what was called meanwhile ran here';

export interface MasqueradeWatch {
  /** A sentence: what happened. Empty when nothing did. */
  readonly stop: () => string;
}

/** Does nothing where there is no masquerade, or it lies in a lasting place. */
export function watchMasquerade(masquerade: Masquerade | undefined, lookMs = LOOK_MS): MasqueradeWatch {
  if (masquerade?.isTemporary !== true) return { stop: () => '' };
  let wasTaken = false;
  const look = (): void => {
    if (masquerade.restore()) wasTaken = true;
  };
  const timer = setInterval(look, lookMs);
  // make keeps the process alive.
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return wasTaken ? TAKEN_AWAY : '';
    },
  };
}
