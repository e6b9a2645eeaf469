/** The shim as a job sees it: what it can be told, and what it reports. Unaware of sockets and frames. */
import type { Move, PlaceFailure } from '../../protocol/shim.ts';
import type { Termination } from '../../protocol/termination.ts';
import type { Printed } from '../../remote/job-output.ts';

/** Outcome of `finishWith`: it is done, the shim went away first, or a move failed. */
export type Finish = 'done' | 'gone' | PlaceFailure;

/** What a job may ask of its shim. */
export interface ShimPort {
  /** Resolves when the shim, or the compiler it became, is gone. */
  readonly closed: Promise<void>;
  readonly isClosed: boolean;
  /** Execs the real compiler, with its niceness raised by `niceness`. */
  runLocally(niceness?: number): void;
  showNode(name: string): void;
  /**
   * The shim writes the output and ends with `termination`. Resolves when `output` is no longer needed; never rejects.
   */
  finish(output: Printed, termination: Termination): Promise<void>;
  /** Like `finish`, after `moves`. If a move fails, the rest is not done, and the job still has to be ended. */
  finishWith(moves: readonly Move[], output: Printed, termination: Termination): Promise<Finish>;
  /** Ends the connection without an answer: the shim then runs its compiler itself. */
  hangUp(): void;
  /** Called for each signal the shim received. */
  onSignal(listener: (signal: number) => void): void;
}
