/**
 * Early ends of a job on a node: signals of the shim, the shim's death, loss of the slot, or a rival attempt that won.
 * Unaware of what happens to the job then.
 */
import type { RemoteRun } from '../../remote/node-link.ts';
import type { RetryReason } from '../reasons.ts';
import type { Entrant } from './race.ts';
import type { ShimPort } from './shim-port.ts';

/** Delay from the first signal to SIGKILL: users are promised the end of the process group within 2 s. */
const KILL_DELAY_MS = 1_000;
const SIGTERM = 15;
const SIGKILL = 9;

/** Sources of early ends. */
export interface StopSources {
  readonly shim: Pick<ShimPort, 'closed' | 'onSignal'>;
  /** Resolves with the reason when the slot is revoked; undefined for a slot that is never revoked. */
  readonly revoked: Promise<RetryReason> | undefined;
  readonly entrant: Pick<Entrant, 'beaten'>;
}

/** What ended a job early; set while it runs. */
export interface Stops {
  /** The first signal that the shim received. */
  signal: number | undefined;
  revokedBy: RetryReason | undefined;
}

/**
 * Forwards the shim's signals, its death and the loss of the slot to the job's process group; SIGKILL follows. A lost
 * slot sends SIGTERM first too: a compiler then removes its files in /tmp, within a millisecond.
 */
export function passStops(run: RemoteRun, { shim, revoked, entrant: entrant }: StopSources): Stops {
  const stops: Stops = { signal: undefined, revokedBy: undefined };
  let isOver = false;
  let kill: NodeJS.Timeout | undefined;
  const signal = (value: number): void => {
    run.signal(value);
    kill ??= setTimeout(() => run.signal(SIGKILL), KILL_DELAY_MS);
  };
  const signalFromShim = (value: number): void => {
    if (isOver) return;
    stops.signal ??= value;
    signal(value);
  };
  shim.onSignal(signalFromShim);
  void shim.closed.then(() => signalFromShim(SIGTERM));
  const takeBack = (reason: RetryReason): void => {
    if (isOver) return;
    stops.revokedBy = reason;
    signal(SIGTERM);
  };
  void revoked?.then(takeBack);
  void entrant.beaten.then(() => takeBack('slow-there'));
  void run.end.then(() => {
    isOver = true;
    clearTimeout(kill);
  });
  return stops;
}
