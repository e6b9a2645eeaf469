/** Slots as one job sees them. Types only; unaware of where slots come from. */
import type { Ticket } from '../nodes/ticket.ts';
import type { WhyLocal } from '../nodes/wants.ts';
import type { NoSlotReason } from '../reasons.ts';
import type { RemoteSlot } from '../slot-source.ts';
import type { GrantedSlot } from './scheduler.ts';

/** How a job wants its slot. */
export interface JobSlotRequest {
  /** Nodes that failed the job. */
  readonly failed: ReadonlySet<string>;
  readonly isRemotePossible: boolean;
  /** The job's rank in the queue, see QueuedJob. */
  readonly rankMs: number;
}

/** Why a job was given a local slot. */
export interface NoSlot {
  readonly reason: NoSlotReason;
  readonly detail?: string;
}

/** The slots of one job. */
export interface JobSlots {
  /** Why the job must stay on this host whatever its command says; undefined if it need not. */
  readonly local: WhyLocal | undefined;
  /** Waits for a slot, local or on a node that was checked for such jobs. Undefined if `cancelled` came first. */
  acquire(request: JobSlotRequest, cancelled: Promise<void>): Promise<GrantedSlot | undefined>;
  /** A free slot of a node that was checked for such jobs and is not in `failed`; undefined if none exists now. */
  acquireNow(failed: ReadonlySet<string>): RemoteSlot | undefined;
  release(place: GrantedSlot): void;
  /** What the job carries to a node that it was admitted to. */
  ticket(node: string): Ticket;
  /** Why the job, which has just got a local slot, has none on a node. */
  whyNoNode(): NoSlot;
  /** The job is over. */
  close(): void;
}
