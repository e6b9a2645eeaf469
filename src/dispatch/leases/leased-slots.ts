/** The leased slots as whoever shares out slots sees them. Unaware of brokers. */
import type { LeasedSlot } from './lease-pool.ts';

export interface LeasedSlots {
  readonly isFull: boolean;
  /** Leases held, used or not, and those under which a job runs. */
  held(node: string): number;
  inUse(node: string): number;
  acquire(excluded: ReadonlySet<string>): LeasedSlot | undefined;
  release(lease: string): void;
  mayServe(job: number, excluded: ReadonlySet<string>): boolean;
}
