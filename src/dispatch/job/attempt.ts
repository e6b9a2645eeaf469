/** An attempt at one compile on one node: what it needs, and how it ends. */
import type { CompilePlan } from '../../command/plan.ts';
import type { Move } from '../../protocol/shim.ts';
import type { Termination } from '../../protocol/termination.ts';
import type { Printed } from '../../remote/job-output.ts';
import type { NodeLink } from '../../remote/node-link.ts';
import type { Shipment } from '../delivery/delivery.ts';
import type { KnownEnvironment } from '../environment-cache.ts';
import type { Ticket } from '../nodes/ticket.ts';
import type { RetryReason } from '../reasons.ts';
import type { Entrant } from './race.ts';
import type { ShimPort } from './shim-port.ts';

/** Outcome of an attempt. */
export type Attempt =
  | {
      readonly kind: 'finished';
      readonly termination: Termination;
      /** The receiver of the attempt releases it. */
      readonly output: Printed;
      readonly cpuMs: number;
      readonly maxRssKiB: number;
      readonly visibleWaitMs: number;
      /** What the shim must do before it ends. */
      readonly moves: readonly Move[];
    }
  /** `elsewhere`: another node may do better; otherwise only a local compile can settle the job. */
  | {
      readonly kind: 'retry';
      readonly reason: RetryReason;
      readonly elsewhere: boolean;
      /** The node sent the job back without starting it. */
      readonly isNotRun?: true;
      /** What the node cannot give to any job of this environment, as a phrase that follows its name. */
      readonly lack?: string;
      /** The node no longer matches this host: it is checked again before it gets another such job. */
      readonly isStale?: true;
      /** Nothing went wrong: the node wanted its slot back. */
      readonly isRevoked?: true;
      /** The output that did not become visible on this host in time. */
      readonly unseen?: string;
    }
  /** The shim went away. */
  | { readonly kind: 'abandoned' };

/** What an attempt needs. */
export interface AttemptInput {
  readonly environment: KnownEnvironment;
  readonly shim: Pick<ShimPort, 'closed' | 'isClosed' | 'onSignal'>;
  readonly plan: CompilePlan;
  readonly link: NodeLink;
  readonly ticket: Ticket;
  readonly shipment: Shipment;
  /** How long outputs may take to become visible on this host. */
  readonly visibleLimitMs: number;
  /** Resolves with the reason when the slot is revoked; undefined for a slot that is never revoked. */
  readonly revoked: Promise<RetryReason> | undefined;
  /** Only one attempt at a job may put its outputs in place. */
  readonly entrant: Entrant;
  /** The node is done with the job and its slot is free; the outputs are not settled yet. */
  readonly onNodeDone: () => void;
  readonly onSettling: () => void;
  /** The node saw a file late, and compiles again. */
  readonly onLate: () => void;
  /** Called from time to time with the CPU time that the compiler has used so far. */
  readonly onCpu: (cpuUs: bigint) => void;
}

/** Outcome of an attempt that lost to another; only staged attempts have rivals. */
export const BEATEN: Attempt = { kind: 'retry', reason: 'slow-there', elsewhere: true, isRevoked: true };
