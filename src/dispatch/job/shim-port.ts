/** The shim as a job sees it: what it may be told, and what it says. Unaware of sockets and frames. */
import type { Termination } from '../../protocol/termination.ts';
import type { OutputChunk } from '../../protocol/worker.ts';

/** What a job may ask of its shim. */
export interface ShimPort {
  /** Resolves when the shim, or the compiler it became, is gone. */
  readonly closed: Promise<void>;
  readonly isClosed: boolean;
  /** Exec the real compiler, with so much more niceness. */
  runHere(niceness?: number): void;
  showNode(name: string): void;
  finish(output: readonly OutputChunk[], termination: Termination): void;
  /** Ends the connection without an answer: the shim then runs its compiler itself. */
  hangUp(): void;
  /** Called for each signal the shim received. */
  onSignal(listener: (signal: number) => void): void;
}
