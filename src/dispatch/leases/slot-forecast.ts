/**
 * Forecast of leased slots: whether a job may hope for one, and how many this user's jobs may count on. Pure: what the
 * broker reports and a time in, numbers out. Unaware of who asks, and of how leases are requested.
 */
import { ConnectingTime } from './connecting-time.ts';
import type { LeaseDemand } from './lease-demand.ts';
import type { LeaseRequests } from './lease-requests.ts';
import type { NodeOutlooks } from './node-outlooks.ts';
import type { UserLeases } from './user-leases.ts';

/** What the forecast is made from. */
export interface ForecastInputs {
  readonly leases: Pick<UserLeases, 'size' | 'connecting' | 'nodes'>;
  readonly nodes: Pick<NodeOutlooks, 'areAllUnusable'>;
  readonly demand: Pick<LeaseDemand, 'isRefused'>;
  readonly requests: Pick<LeaseRequests, 'isScarce'>;
}

/** The slots to expect. */
export class SlotForecast {
  readonly #inputs: ForecastInputs;
  readonly #connectingTime = new ConnectingTime();
  #isUp = false;
  #capacity: number | undefined;

  constructor(inputs: ForecastInputs) {
    this.#inputs = inputs;
  }

  /** Slots of the cluster; undefined until the broker has reported them. */
  get capacity(): number | undefined {
    return this.#capacity;
  }

  /** False if no slot will come that `job` can use, so that the job need not wait for one. */
  mayServe(job: number, excluded: Pick<ReadonlySet<string>, 'has'>): boolean {
    const { demand, leases } = this.#inputs;
    if (this.#isUp && demand.isRefused(job)) return false;
    // A new leader knows of no slots at first, but held leases remain.
    const isAnyPresent = this.#isUp && this.#capacity !== 0;
    return isAnyPresent || [...leases.nodes].some((node) => !excluded.has(node));
  }

  /**
   * Slots that this user's jobs may count on: all of the cluster's while it grants requests, and otherwise the held
   * ones. Infinity until the broker has reported the cluster's slots: that is worth waiting for.
   */
  expectedSlots(nowMs: number): number {
    const { leases, nodes, requests } = this.#inputs;
    if (this.#isUp && this.#capacity === undefined) return Infinity;
    const held = leases.size;
    const connecting = leases.connecting.size;
    if (this.#connectingTime.isSpent(nowMs)) return held - connecting;
    const isCutOff = nodes.areAllUnusable && connecting === 0;
    if (!this.#isUp || isCutOff || requests.isScarce(nowMs)) return held;
    return Math.max(held, this.#capacity ?? 0);
  }

  /** Slots that jobs can use now, in use or not: the cluster's as reported, or the held ones without a broker. */
  openSlots(nowMs: number): number {
    return this.#isUp ? (this.#capacity ?? 0) : this.expectedSlots(nowMs);
  }

  /** A build begins: nodes that did not come up may do so now. */
  renew(nowMs: number): void {
    this.#connectingTime.renew(nowMs);
  }

  /** A broker answers. */
  linkUp(nowMs: number): void {
    this.#isUp = true;
    this.renew(nowMs);
  }

  /** No broker answers. */
  linkDown(): void {
    this.#isUp = false;
    this.#capacity = undefined;
  }

  /** The broker reported the slots of the cluster. */
  setCapacity(slots: number): void {
    this.#capacity = slots;
  }

  /** Leases changed, or time passed. */
  note(nowMs: number): void {
    this.#connectingTime.note(this.#inputs.leases.connecting.size > 0, nowMs);
  }

  /** A node came up for which a lease had waited for so long. */
  giveBack(waitedMs: number, nowMs: number): void {
    this.#connectingTime.giveBack(waitedMs, nowMs);
  }

  /** When the forecast changes even if nothing happens. */
  nextTickMs(nowMs: number): number {
    return this.#connectingTime.spentAtMs(nowMs);
  }
}
