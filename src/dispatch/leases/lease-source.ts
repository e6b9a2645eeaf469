/**
 * Source of leased slots for the scheduler. Unaware of the broker and of connections: it sees this user's account of
 * leases, and hands out each slot with a promise of its revocation.
 */
import { deferred, type Deferred } from '../../util/deferred.ts';
import { lastingExclusions, type Exclusions } from '../exclusions.ts';
import type { RetryReason } from '../reasons.ts';
import type { Capacity, JobNeeds, Outlook, RemoteSlot, SlotScope, SlotSource } from '../slot-source.ts';
import type { LeaseAccount } from './lease-account.ts';

/** What a lease source needs. */
export interface LeaseSourceOptions {
  readonly account: Pick<LeaseAccount, 'demand' | 'forecast' | 'pool' | 'acquire'>;
  /** Demand or leases changed: the account must be settled. */
  readonly onChange: () => void;
}

/** Source of the slots that the broker of this host leases. */
export class LeaseSource implements SlotSource {
  readonly #options: LeaseSourceOptions;
  readonly #revocations = new Map<string, Deferred<RetryReason>>();
  readonly #lasting = new WeakMap<Exclusions, ReadonlySet<string>>();

  constructor(options: LeaseSourceOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#options.account.pool.isFull;
  }

  demand(job: number, needs: JobNeeds | undefined): void {
    const { account, onChange } = this.#options;
    // Jobs that never waited end here as well: most of them, with every grant and every end.
    const isNews = needs?.mayLease
      ? account.demand.add(job, this.#lastingOf(needs.exclusions), performance.now())
      : account.demand.remove(job);
    if (isNews) onChange();
  }

  acquire({ mayLease, exclusions }: JobNeeds): RemoteSlot | undefined {
    const slot = mayLease ? this.#options.account.acquire(exclusions, performance.now()) : undefined;
    if (!slot) return undefined;
    this.#revocations.set(slot.lease, deferred<RetryReason>());
    return { kind: 'node', source: this, ...slot };
  }

  revoked({ lease = '' }: RemoteSlot): Promise<RetryReason> | undefined {
    return this.#revocations.get(lease)?.promise;
  }

  /** The job under the lease must end, for `reason`. */
  revoke(lease: string, reason: RetryReason): void {
    this.#revocations.get(lease)?.resolve(reason);
  }

  release({ lease = '' }: RemoteSlot): void {
    const { account, onChange } = this.#options;
    this.#revocations.delete(lease);
    account.pool.release(lease, performance.now());
    onChange();
  }

  outlook(job: number, { mayLease, exclusions }: JobNeeds): Outlook {
    if (!mayLease) return { kind: 'none', slots: 0 };
    const { forecast } = this.#options.account;
    const kind = forecast.mayServe(job, exclusions) ? 'ready' : 'none';
    return { kind, slots: forecast.expectedSlots(performance.now()) };
  }

  capacity({ isLeasing }: SlotScope): Capacity {
    if (!isLeasing) return { slots: 0, isKnown: true };
    const { capacity } = this.#options.account.forecast;
    return { slots: capacity ?? 0, isKnown: capacity !== undefined };
  }

  openSlots({ isLeasing }: SlotScope): number {
    return isLeasing ? this.#options.account.forecast.openSlots(performance.now()) : 0;
  }

  /** Nodes that the broker must not lease for a job. Those being checked may be leased: their leases are held already. */
  #lastingOf(exclusions: Exclusions): ReadonlySet<string> {
    const lasting = this.#lasting.get(exclusions) ?? lastingExclusions(exclusions);
    this.#lasting.set(exclusions, lasting);
    return lasting;
  }
}
