/**
 * When the nodes of a simulated cluster last gave or renewed each lease, as their datagrams say. Unaware of slots: it
 * says only what must have ended by now.
 */
import { LEASE_TTL_MS } from '../../src/broker/core/timing.ts';
import type { Destination } from '../../src/broker/core/effects.ts';
import type { LeaseName, Message } from '../../src/broker/core/messages.ts';
import type { Host, World } from './world.ts';

/** A timer may be so much later than what it is for. */
const LATE_MS = 1;

/** When, and the boot of the broker that holds it: no other can release it. */
interface Renewed {
  readonly atMs: number;
  readonly holderBootId: number;
}

export class Renewals {
  readonly #world: World;
  /** By node, and there by boot and number. */
  readonly #renewed = new Map<string, Map<string, Renewed>>();
  /** How many jobs and leases were looked at. */
  checked = 0;

  constructor(world: World) {
    this.#world = world;
    world.onSend = (from, to, message) => this.#onSend(from, to, message);
  }

  /** No job runs under a lease, and no slot is taken by one, that was not renewed for as long as leases last. */
  check(): void {
    for (const host of this.#world.hosts.values()) {
      if (host.paused || host.broker === undefined) continue;
      for (const { state, nodeId, lease } of host.jobs.values()) {
        // What a broker says to itself is not seen.
        if (state !== 'running' || nodeId === host.id) continue;
        this.checked++;
        const ageMs = this.#world.nowMs - (this.#renewed.get(nodeId)?.get(nameIn(lease))?.atMs ?? -Infinity);
        if (ageMs > LEASE_TTL_MS + LATE_MS) {
          throw new Error(`${host.id} runs a job under ${lease}, which ${nodeId} renewed ${ageMs} ms ago`);
        }
      }
      this.#checkNode(host);
    }
  }

  #checkNode(host: Host): void {
    const inUse = host.broker?.status.inUse ?? 0;
    const renewed = this.#renewed.get(host.id);
    // Hosts that run jobs themselves may hold leases on themselves.
    if (inUse === 0 || host.lastRequestId > 0) return;
    this.checked++;
    let living = 0;
    for (const [key, { atMs }] of renewed ?? []) {
      if (this.#world.nowMs - atMs <= LEASE_TTL_MS + LATE_MS) living++;
      else renewed?.delete(key);
    }
    if (inUse > living)
      throw new Error(`${host.id} has ${inUse} slots taken, and ${living} leases that have not ended`);
  }

  #onSend(from: Host, to: Destination, message: Message): void {
    if (to.kind !== 'peer') return;
    const { bootId } = to.peer;
    const renewed = this.#of(from);
    const renew = (name: LeaseName) => renewed.set(keyOf(name), { atMs: this.#world.nowMs, holderBootId: bootId });
    if (message.kind === 'lease') {
      const name = { bootId: from.boots, leaseId: message.leaseId };
      // Saying it again is no renewal.
      if (!renewed.has(keyOf(name))) renew(name);
    } else if (message.kind === 'renewed') {
      // One that is gone may be a revoked one, whose slot is taken until its holder has stopped.
      message.held.forEach(renew);
    } else if (message.kind === 'released') {
      for (const key of message.leases.map(keyOf)) {
        if (renewed.get(key)?.holderBootId === bootId) renewed.delete(key);
      }
    }
  }

  #of(host: Host): Map<string, Renewed> {
    const known = this.#renewed.get(host.id) ?? new Map<string, Renewed>();
    this.#renewed.set(host.id, known);
    return known;
  }
}

function keyOf({ bootId, leaseId }: LeaseName): string {
  return `${bootId}/${leaseId}`;
}

/** The lease's own name in a holder's key for it, which has the node in front. */
function nameIn(lease: string): string {
  return lease.slice(lease.indexOf('/') + 1);
}
