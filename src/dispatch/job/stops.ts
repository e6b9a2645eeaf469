/**
 * What ends a job on a node before its time: signals of the shim, the shim's death, the loss of the slot, a rival attempt
 * that won. Unaware of what becomes of the job then.
 */
import type { RemoteRun } from '../../remote/node-link.ts';
import type { RetryReason } from '../reasons.ts';
import type { Runner } from './race.ts';
import type { ShimPort } from './shim-port.ts';

/** From a first signal to SIGKILL: the user was promised 2 s to the end of the process group. */
const KILL_DELAY_MS = 1_000;
const SIGTERM = 15;
const SIGKILL = 9;

/** Where stops come from. */
export interface StopSources {
  readonly shim: Pick<ShimPort, 'closed' | 'onSignal'>;
  /** Resolves when the slot is taken back, with why; undefined for a slot that is never taken back. */
  readonly revoked: Promise<RetryReason> | undefined;
  readonly runner: Pick<Runner, 'beaten'>;
}

/** What ended a job before its time; set while it runs. */
export interface Stops {
  /** Of the shim. */
  signal: number | undefined;
  revokedBy: RetryReason | undefined;
}

/**
 * Signals of the shim, its death, and the loss of the slot reach the job's process group; SIGKILL follows. SIGTERM comes
 * first for a lost slot too: a compiler then removes what it has in /tmp, in a millisecond.
 */
export function passStops(run: RemoteRun, { shim, revoked, runner }: StopSources): Stops {
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
  void runner.beaten.then(() => takeBack('slow-there'));
  void run.end.then(() => {
    isOver = true;
    clearTimeout(kill);
  });
  return stops;
}
