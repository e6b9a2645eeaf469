/**
 * The leases a node has given on its slots: the truth about them. Unaware of leaders and of why a lease is given.
 */
import type { UserName } from '../../protocol/names.ts';
import type { LeaseName, Peer } from './messages.ts';
import { LEASE_TTL_MS } from './timing.ts';

export interface Lease {
  readonly name: LeaseName;
  readonly requestId: number;
  readonly user: UserName;
  /** The holder, at the address it was heard from last. */
  client: Peer;
  /** Ends by itself at this time. */
  expiresMs: number;
  /** The holder has been told to stop, and cannot renew. The slot stays taken until it does, or the lease expires. */
  revoked: boolean;
  /** The holder was told that nobody else waits for it. */
  mayKeep: boolean;
}

export class LeaseTable {
  readonly #leases = new Map<string, Lease>();
  readonly #byRequest = new Map<string, Lease>();
  readonly #users = new Map<UserName, number>();
  /** At or before the first expiry; exact after each look. */
  #nextExpiryMs = Infinity;

  get size(): number {
    return this.#leases.size;
  }

  get nextExpiryMs(): number {
    return this.#nextExpiryMs;
  }

  /** Users with slots in use, most slots first. */
  users(max: number): { user: UserName; slots: number }[] {
    const all = Array.from(this.#users, ([user, slots]) => ({ user, slots }));
    return all.sort((a, b) => b.slots - a.slots).slice(0, max);
  }

  /** What `client` has for this request already: its datagram, or ours, came twice. */
  forRequest(client: Peer, requestId: number): Lease | undefined {
    return this.#byRequest.get(requestKey(client, requestId));
  }

  add(name: LeaseName, client: Peer, requestId: number, user: UserName, nowMs: number): Lease {
    const lease = { name, requestId, user, client, expiresMs: nowMs + LEASE_TTL_MS, revoked: false, mayKeep: false };
    this.#leases.set(leaseKey(name), lease);
    this.#byRequest.set(requestKey(client, requestId), lease);
    this.#users.set(user, (this.#users.get(user) ?? 0) + 1);
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, lease.expiresMs);
    return lease;
  }

  /** The lease of that name if `client` holds it; nobody can end or renew another's. */
  held(name: LeaseName, client: Peer): Lease | undefined {
    const lease = this.#leases.get(leaseKey(name));
    return lease?.client.nodeId === client.nodeId && lease.client.bootId === client.bootId ? lease : undefined;
  }

  renew(lease: Lease, client: Peer, mayKeep: boolean, nowMs: number): void {
    lease.client = client;
    lease.mayKeep = mayKeep;
    lease.expiresMs = nowMs + LEASE_TTL_MS;
  }

  remove(lease: Lease): void {
    if (!this.#leases.delete(leaseKey(lease.name))) return;
    this.#byRequest.delete(requestKey(lease.client, lease.requestId));
    const left = (this.#users.get(lease.user) ?? 1) - 1;
    if (left > 0) this.#users.set(lease.user, left);
    else this.#users.delete(lease.user);
  }

  /** Removes what has expired; true when there was any. */
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

  /** Those that their holders may keep, as they were told last. */
  kept(): Lease[] {
    return [...this.#leases.values()].filter((lease) => lease.mayKeep);
  }

  /** Those that nobody revoked, newest first: as far as a node knows, what runs under these loses least when it is stopped. */
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
