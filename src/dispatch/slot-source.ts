/**
 * Port between the scheduler and whatever gives it slots on nodes: a list of nodes, or the broker. Types only; unaware of
 * jobs beyond their numbers, and of connections.
 */
import type { Exclusions } from './exclusions.ts';
import type { RetryReason } from './reasons.ts';

/** A slot on a node, taken by a job until it is released. */
export interface RemoteSlot {
  readonly kind: 'node';
  readonly node: string;
  /** The source that gave the slot and takes it back. */
  readonly source: SlotSource;
  /** The lease that covers the slot; absent for a slot of a node list. */
  readonly lease?: string;
}

/** What a job needs of a slot. Jobs with equal needs share one object while nodes do not change: caches go by identity. */
export interface JobNeeds {
  /** Listed nodes that the job may use. */
  readonly listed: ReadonlySet<string>;
  /** False for a job that has a node list of its own, or that must stay on this host. */
  readonly mayLease: boolean;
  readonly exclusions: Exclusions;
}

/** What a source can promise a job that it has no free slot for. */
export interface Outlook {
  /**
   * `ready`: a node is up and usable, its slots are taken. `pending`: a node may become usable in a moment.
   * `none`: no slot will come, so the job need not wait.
   */
  readonly kind: 'ready' | 'pending' | 'none';
  /** Slots that jobs with these needs may count on; Infinity while that is unknown and worth waiting for. */
  readonly slots: number;
}

/** The nodes of a build, as far as sources tell builds apart. */
export interface SlotScope {
  /** Listed nodes that the build may use. */
  readonly nodes: ReadonlySet<string>;
  /** The build uses leased slots. */
  readonly isLeasing: boolean;
}

/** Slots that a build may count on. */
export interface Capacity {
  readonly slots: number;
  /** False while the number may still rise because nodes or the broker have not answered. */
  readonly isKnown: boolean;
}

/** Where remote slots come from. The scheduler knows nothing else about nodes. */
export interface SlotSource {
  /** No slot is free for any job. */
  readonly isFull: boolean;
  /** Takes a free slot; undefined if none is free for these needs. */
  acquire(needs: JobNeeds): RemoteSlot | undefined;
  /** @throws RangeError if the slot is not taken */
  release(slot: RemoteSlot): void;
  /**
   * What the source can promise the job.
   * @param job may have been refused before, which a source may remember
   */
  outlook(job: number, needs: JobNeeds): Outlook;
  /** The job waits for a slot with these needs; undefined if it no longer waits. Idempotent. */
  demand(job: number, needs: JobNeeds | undefined): void;
  /** Resolves with the reason when the slot is revoked; undefined for a slot that is never revoked. */
  revoked(slot: RemoteSlot): Promise<RetryReason> | undefined;
  capacity(scope: SlotScope): Capacity;
  /** Slots that jobs can use now, in use or not, without those of nodes that are refused or lost. */
  openSlots(scope: SlotScope): number;
}
