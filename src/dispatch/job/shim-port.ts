/** The shim as a job sees it: what it may be told, and what it says. Unaware of sockets and frames. */
import type { Move, PlaceFailure } from '../../protocol/shim.ts';
import type { Termination } from '../../protocol/termination.ts';
import type { Printed } from '../../remote/job-output.ts';

/** What came of `finishWith`: done; the shim went away before it was; or the move that failed. */
export type Finish = 'done' | 'gone' | PlaceFailure;

/** What a job may ask of its shim. */
export interface ShimPort {
  /** Resolves when the shim, or the compiler it became, is gone. */
  readonly closed: Promise<void>;
  readonly isClosed: boolean;
  /** Exec the real compiler, with so much more niceness. */
  runHere(niceness?: number): void;
  showNode(name: string): void;
  /** It writes the output and ends so. Resolves when `output` is not needed any longer; never rejects. */
  finish(output: Printed, termination: Termination): Promise<void>;
  /** The same after `moves`. Where one of these fails, nothing of the rest is done, and the job is still to be ended. */
  finishWith(moves: readonly Move[], output: Printed, termination: Termination): Promise<Finish>;
  /** Ends the connection without an answer: the shim then runs its compiler itself. */
  hangUp(): void;
  /** Called for each signal the shim received. */
  onSignal(listener: (signal: number) => void): void;
}
