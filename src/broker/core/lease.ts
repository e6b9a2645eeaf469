/**
 * Table of the leases a node has granted on its slots. It is the authoritative record. Unaware of leaders and of why a
 * lease is granted.
 */
import type { UserName } from '../../protocol/names.ts';
import type { LeaseName, Peer } from './messages.ts';
import { LEASE_TTL_MS } from './timing.ts';

/** One granted lease. */
export interface Lease {
  readonly name: LeaseName;
  readonly requestId: number;
  readonly user: UserName;
  /** The holder, at the address it was last heard from. */
  client: Peer;
  /** The lease expires at this time. */
  expiresMs: number;
  /**
   * The holder has been told to stop and cannot renew. The slot stays taken until the holder releases it or the lease
   * expires.
   */
  revoked: boolean;
  /** The holder has been told that no other waiter needs the slot. */
  mayExtend: boolean;
}

/** A node's leases, indexed by name and by request. */
export class LeaseTable {
  readonly #leases = new Map<string, Lease>();
  readonly #byRequest = new Map<string, Lease>();
  readonly #users = new Map<UserName, number>();
  /** A lower bound of the first expiry; exact after each call of `expire`. */
  #nextExpiryMs = Infinity;

  get size(): number {
    return this.#leases.size;
  }

  get nextExpiryMs(): number {
    return this.#nextExpiryMs;
  }

  /** The users with the most slots in use, in descending order. */
  users(max: number): { user: UserName; slots: number }[] {
    const all = Array.from(this.#users, ([user, slots]) => ({ user, slots }));
    return all.sort((a, b) => b.slots - a.slots).slice(0, max);
  }

  /** The lease that `client` already has for this request, if a datagram was duplicated. */
  forRequest(client: Peer, requestId: number): Lease | undefined {
    return this.#byRequest.get(requestKey(client, requestId));
  }

  add(name: LeaseName, client: Peer, requestId: number, user: UserName, nowMs: number): Lease {
    const lease = { name, requestId, user, client, expiresMs: nowMs + LEASE_TTL_MS, revoked: false, mayExtend: false };
    this.#leases.set(leaseKey(name), lease);
    this.#byRequest.set(requestKey(client, requestId), lease);
    this.#users.set(user, (this.#users.get(user) ?? 0) + 1);
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, lease.expiresMs);
    return lease;
  }

  /** The lease with that name if `client` holds it. Other clients cannot renew or release it. */
  held(name: LeaseName, client: Peer): Lease | undefined {
    const lease = this.#leases.get(leaseKey(name));
    return lease?.client.nodeId === client.nodeId && lease.client.bootId === client.bootId ? lease : undefined;
  }

  renew(lease: Lease, client: Peer, mayExtend: boolean, nowMs: number): void {
    lease.client = client;
    lease.mayExtend = mayExtend;
    lease.expiresMs = nowMs + LEASE_TTL_MS;
  }

  remove(lease: Lease): void {
    if (!this.#leases.delete(leaseKey(lease.name))) return;
    this.#byRequest.delete(requestKey(lease.client, lease.requestId));
    const left = (this.#users.get(lease.user) ?? 1) - 1;
    if (left > 0) this.#users.set(lease.user, left);
    else this.#users.delete(lease.user);
  }

  /** Removes expired leases; true if there were any. */
  expire(nowMs: number): boolean {
    if (nowMs < this.#nextExpiryMs) return false;
    const before = this.#leases.size;
    let next = Infinity;
    for (const lease of this.#leases.values()) {
      if (lease.expiresMs <= nowMs) this.remove(lease);
      else next = Math.min(next, lease.expiresMs);
    }
    this.#nextExpiryMs = next;
    return this.#leases.size < before;
  }

  /** Leases whose holders were last told that they may keep them. */
  extended(): Lease[] {
    return [...this.#leases.values()].filter((lease) => lease.mayExtend);
  }

  /** Leases that have not been revoked, newest first: stopping the newest jobs presumably loses the least work. */
  newest(): Lease[] {
    const running = [...this.#leases.values()].filter((lease) => !lease.revoked);
    return running.reverse();
  }
}

function leaseKey(name: LeaseName): string {
  return `${name.bootId}/${name.leaseId}`;
}

function requestKey(client: Peer, requestId: number): string {
  return `${client.nodeId}/${client.bootId}/${requestId}`;
}
